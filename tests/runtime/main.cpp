// runtime_tests: runs every test; runtime_tests NAME: those whose name contains NAME; runtime_tests --bench: timings.
#include <cstring>

#include "check.h"

void run_benchmarks();

int main(int argc, char** argv) {
  if (argc > 1 && !std::strcmp(argv[1], "--bench")) {
    run_benchmarks();
    return 0;
  }
  int ran = 0;
  for (const Test& test : tests()) {
    if (argc > 1 && !std::strstr(test.name, argv[1])) continue;
    std::printf("%s\n", test.name);
    std::fflush(stdout);
    test.run();
    ++ran;
  }
  std::printf("%d tests passed\n", ran);
  return ran ? 0 : 1;
}
