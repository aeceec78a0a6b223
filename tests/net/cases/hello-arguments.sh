# Arguments and variables arrive as a shell would pass them; a quote that is not closed is an
# error that says where, and ends the domain with the code 2 before `main`.
# images: hello
guest good hello 'args=GREETING='"'good  day'"' EMPTY= -- first "the second" \$HOME X=1 '"''"
expect_exit good 0
console good | tr -d '\r' | grep -e '^argument: ' -e '^variable: ' >got
cat >expected <<-'END'
	argument: first
	argument: the second
	argument: $HOME
	argument: X=1
	argument: 
	variable: GREETING = good  day
	variable: EMPTY = 
END
cmp expected got || {
	cat got
	fail "the arguments arrive otherwise"
}

guest unclosed hello "args=first 'never closed"
expect_exit unclosed 2
expect_console unclosed "quote ' at byte 6 is never closed, in the word \"'never closed\" of the command line"
expect_no_console unclosed "Hello"

guest backslash hello 'args=first second\'
expect_exit backslash 2
expect_console backslash 'nothing follows the backslash at byte 12, in the word "second\\" of the command line'
expect_no_console backslash "Hello"
