// Refreshes the cards named on the command line; configured by the environment (EIOT_APPKEY, EIOT_SECRET, ...).
#include <eiot.hpp>
#include <iostream>

int main(int argc, char **argv) {
    try {
        eiot::client client = eiot::client::from_env();
        for (int i = 1; i < argc; i++) {
            eiot::reply reply = client.refresh_usage(argv[i]);
            std::cout << reply.eid() << " refreshed: " << reply.message() << '\n';
        }
    } catch (const eiot::error &error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}
