# The host can read how `main` ended.
# images: faults
guest exit faults args=exit-42
expect_exit exit 42
guest code faults args=code-7
expect_exit code 7
guest error faults args=error
expect_exit error 1
expect_console error "the error that main returns"
