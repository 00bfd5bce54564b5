/* A third-party program in C++. */
#include <eiot.hpp>
#include <iostream>

int main(int argc, char **argv) {
    try {
        eiot::client::from_env().refresh_usage(argc == 2 ? argv[1] : "");
        std::cout << "refreshed\n";
        return 0;
    } catch (const eiot::error &error) {
        std::cout << error.what() << '\n';
        return 1;
    }
}
