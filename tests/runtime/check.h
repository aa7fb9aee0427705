// A test is a function; a failed check prints its place and ends the process, so that a debugger or the log shows where.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

struct Test {
  const char* name;
  void (*run)();
};

inline std::vector<Test>& tests() {
  static std::vector<Test> all;
  return all;
}

struct Register {
  Register(const char* name, void (*run)()) { tests().push_back({name, run}); }
};

#define TEST(name)                              \
  static void name();                           \
  static const Register register_##name(#name, name); \
  static void name()

#define CHECK(condition)                                                                \
  do {                                                                                  \
    if (!(condition)) {                                                                 \
      std::fprintf(stderr, "%s:%d: %s is false\n", __FILE__, __LINE__, #condition);     \
      std::abort();                                                                     \
    }                                                                                   \
  } while (0)

#define CHECK_THROWS(expression, kind_, text)                                           \
  do {                                                                                  \
    bool thrown = false;                                                                \
    try {                                                                               \
      expression;                                                                       \
    } catch (const hologram::Error& error) {                                            \
      thrown = error.kind() == hologram::Error::Kind::kind_ && std::string(error.what()).find(text) != std::string::npos; \
      if (!thrown) std::fprintf(stderr, "other error: %s\n", error.what());             \
    }                                                                                   \
    CHECK(thrown);                                                                      \
  } while (0)
