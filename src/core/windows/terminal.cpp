#include "mnist/core/terminal.hpp"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <io.h>
#include <windows.h>

#include "terminal_size.hpp"

namespace mnist {
namespace {

HANDLE console_of(Stream stream) {
  return ::GetStdHandle(stream == Stream::out ? STD_OUTPUT_HANDLE : STD_ERROR_HANDLE);
}

}  // namespace

void open_closed_streams() {
  // A call with a closed descriptor returns an error; by default it ends the process.
  ::_set_invalid_parameter_handler([](const wchar_t*, const wchar_t*, const wchar_t*, unsigned, std::uintptr_t) {});
  std::FILE* ignored = nullptr;
  if (::_fileno(stdin) < 0) ::freopen_s(&ignored, "NUL", "r", stdin);
  if (::_fileno(stdout) < 0) ::freopen_s(&ignored, "NUL", "r", stdout);
  if (::_fileno(stderr) < 0) ::freopen_s(&ignored, "NUL", "w", stderr);
  // No "\r\n" for "\n", in the standard streams and in files that are opened later.
  for (std::FILE* const stream : {stdin, stdout, stderr}) ::_setmode(::_fileno(stream), _O_BINARY);
  _fmode = _O_BINARY;
  static const UINT code_page = ::GetConsoleOutputCP();
  ::SetConsoleOutputCP(CP_UTF8);
  std::atexit([] { ::SetConsoleOutputCP(code_page); });  // the shell goes on with its own
  for (const Stream stream : {Stream::out, Stream::err}) {
    DWORD mode = 0;
    if (!::GetConsoleMode(console_of(stream), &mode)) continue;
    constexpr DWORD kEscapeSequences = 4;  // ENABLE_VIRTUAL_TERMINAL_PROCESSING
    ::SetConsoleMode(console_of(stream), mode | kEscapeSequences);
  }
}

TerminalSize terminal_size(Stream stream) {
  CONSOLE_SCREEN_BUFFER_INFO facts{};
  if (!::GetConsoleScreenBufferInfo(console_of(stream), &facts)) return {};
  const SMALL_RECT& window = facts.srWindow;
  return {window.Right - window.Left + 1, window.Bottom - window.Top + 1};
}

bool is_utf8_locale() {
  return ::GetConsoleOutputCP() == CP_UTF8;
}

}  // namespace mnist
