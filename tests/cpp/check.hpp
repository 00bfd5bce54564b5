/* Shared by the C++ test programs. */
#ifndef CHECK_HPP
#define CHECK_HPP

#include <cstdio>
#include <cstdlib>

/* Ends the program with a message about where and why. */
#define FAIL(message)                                                                                                  \
    do {                                                                                                               \
        std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, message);                                              \
        std::exit(1);                                                                                                  \
    } while (0)

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) FAIL(#condition);                                                                            \
    } while (0)

#endif
