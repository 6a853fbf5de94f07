#include "cli/app.hpp"

int main(int argc, char** argv) {
  return mnist::cli::run(argc, argv);
}
