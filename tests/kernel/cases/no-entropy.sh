# A processor without RDSEED and RDRAND: a clear warning, and random numbers all the same.
# images: kernel-test
guest one kernel-test args=entropy 'cpuid="host,rdrand=0,rdseed=0"'
expect_exit one 0
expect_console one "no entropy: this processor offers neither RDSEED nor RDRAND"
expect_console one "entropy available: false"
