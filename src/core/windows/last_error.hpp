#pragma once

namespace mnist {

// The `errno` value that says the same as a code of GetLastError; EIO for others.
int errno_of(unsigned long code);

// Sets `errno` from GetLastError. Returns -1.
int fail_with_last_error();

}  // namespace mnist
