# Text is not writable, data is not executable, constants are constant, and what the domain
# builder mapped beside the image is gone.
# images: faults
# backend: any
# timeout: 90
try() {
	guest "$1" faults "args=$1"
	expect_crash "$1"
	expect_console "$1" "$2"
	expect_no_console "$1" "still alive"
}
try write-text "page fault at 0xffffffff80100000 (writing, not allowed there)"
try write-constant "(writing, not allowed there)"
try execute-data "(executing, not allowed there)"
try execute-heap "(executing, not allowed there)"
try read-start-info "page fault at 0xffffffff80000000 (reading, nothing is mapped there)"
try read-unmapped "page fault at 0x0000123456789000 (reading, nothing is mapped there)"
