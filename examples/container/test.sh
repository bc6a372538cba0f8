# Run by the road beside the started image: it answers on loopback, and nothing else is in its network.
[ "$(curl -fsS --max-time 5 "http://$PAVED_TEST_HOST:$PAVED_TEST_PORT/")" = hello ]
[ "$(curl -sS --max-time 5 -o /dev/null -w '%{http_code}' "http://$PAVED_TEST_HOST:$PAVED_TEST_PORT/healthz")" = 204 ]
[ "$(curl -sS --max-time 5 -o /dev/null -w '%{http_code}' "http://$PAVED_TEST_HOST:$PAVED_TEST_PORT/nothing")" = 404 ]
