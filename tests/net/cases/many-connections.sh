# 300 connections, one after the other, leave no grant and no page behind.
# images: net-probe
# timeout: 150
serve_echo 7
guest many net-probe "args=many $address:7 300"
expect_exit many 0 120
expect_console many "300 connections, "
console many | grep -e "^before" -e "connections, " -e "^after"
# The guest compared them; this is to see that it did.
before=$(console many | tr -d '\r' | sed -n 's/^before: //p')
after=$(console many | tr -d '\r' | sed -n 's/^after: //p')
[ -n "$before" ] || fail "nothing was measured"
expect_equal "$after" "$before" "grants and pages afterwards"
