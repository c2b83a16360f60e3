#!/usr/bin/env bash
# An agent's turn as a step of a build: start a session, give it a task, answer by rule, deny what no rule allows,
# and fail the build when the turn ends badly.
#
#   CMA_TOP_AGENT=… CMA_TOP_ENVIRONMENT=… ./ci.sh "roll back the orders service"
#
# CI_RULES is the file with the rules; without it, ci-rules.toml beside this script.
# CI_TIMEOUT is how many seconds each stretch of work may take.
set -euo pipefail

task=${1:?what is the task?}
rules=${CI_RULES:-$(dirname "$0")/ci-rules.toml}
limit=${CI_TIMEOUT:-900}

session=$(cma-top sessions new --message "$task")
echo "session $session"

while true; do
    code=0
    cma-top wait "$session" --until idle --timeout "$limit" || code=$?
    [ "$code" -eq 3 ] || break # 3: it needs an answer
    left=0
    answers=$(cma-top approve "$session" --rules --config "$rules") || left=$?
    echo "$answers"
    [ "$left" -eq 0 ] && continue
    [ "$left" -eq 3 ] || exit "$left"
    denied=
    while read -r id kind _; do
        [ "$kind" = confirmation ] || continue
        cma-top approve "$session" "$id" --deny --reason "no rule of this build allows it"
        denied=1
    done <<<"$answers"
    [ -n "$denied" ] || break # it waits for something that no rule can give
done

cma-top tail --no-follow --types 'user.*,agent.message,session.error' "$session" || true
exit "$code"
