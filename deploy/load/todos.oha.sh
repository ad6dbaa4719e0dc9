#!/bin/sh
# The practical's load with oha: from one user to a thousand in a minute, to five thousand in ten more. As many connections
# as users, and as many requests a second. oha keeps a rate for as long as it runs, so a ramp is climbed in steps.
#
#   BASE_URL=http://127.0.0.1:8080 USERS=0.1 TIME=0.1 sh todos.oha.sh
#
# USERS and TIME are factors: 0.1 is a tenth of the users, and a tenth of the time. STEPS is how many steps a ramp has.
# Ends with 1 when a request failed or was not answered with 200.
set -eu

base=${BASE_URL:-http://127.0.0.1:8080}
users_factor=${USERS:-1}
time_factor=${TIME:-1}
steps=${STEPS:-10}
oha=${OHA:-oha}

asked=0
failed=0

# One step: this many users for this many seconds.
step() {
    answer=$("$oha" --no-tui --output-format json --latency-correction -w -z "${2}s" -c "$1" -q "$1" "$base/api/v1/todos")
    # The counts are in objects of one level: {"200": 1234} and {"connection refused": 1}.
    counts=$(printf '%s' "$answer" | tr -d '\n' | awk '
        function total(name,   at, body, parts, n, i, sum) {
            at = index($0, "\"" name "\"")
            if (at == 0) return 0
            body = substr($0, at + length(name) + 2)
            body = substr(body, index(body, "{") + 1)
            body = substr(body, 1, index(body, "}") - 1)
            ok = 0
            n = split(body, parts, ",")
            sum = 0
            for (i = 1; i <= n; i++) {
                if (match(parts[i], /: *[0-9]+ *$/)) {
                    value = substr(parts[i], RSTART + 1) + 0
                    sum += value
                    if (parts[i] ~ /"200"/) ok += value
                }
            }
            return sum
        }
        { answered = total("statusCodeDistribution"); good = ok; errors = total("errorDistribution")
          print answered + errors, answered + errors - good }')
    of_step=${counts% *}
    bad=${counts#* }
    asked=$((asked + of_step))
    failed=$((failed + bad))
    printf '%6d users for %3d s: %7d requests, %d failed\n' "$1" "$2" "$of_step" "$bad"
}

# A ramp from one number of users to another.
ramp() {
    for number in $(seq 1 "$steps"); do
        set -- "$1" "$2" "$3" $(awk -v from="$1" -v to="$2" -v seconds="$3" -v number="$number" -v steps="$steps" \
            -v users="$users_factor" -v time="$time_factor" 'BEGIN {
                count = int((from + (to - from) * number / steps) * users + 0.5)
                length_ = int(seconds * time / steps + 0.5)
                print (count < 1 ? 1 : count), (length_ < 1 ? 1 : length_)
            }')
        step "$4" "$5"
    done
}

ramp 1 1000 60
ramp 1000 5000 600
echo "$asked requests, $failed failed"
[ "$asked" -gt 0 ] && [ "$failed" -eq 0 ]
