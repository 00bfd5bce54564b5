/* What eiot.hpp adds to eiot.h: outcomes, logs and cancellation. The environment leads to a platform that answers after 300 ms. */
#include <eiot.hpp>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                       \
            std::exit(1);                                                                                              \
        }                                                                                                              \
    } while (0)

static const char *const EID = "89044011112233441122334411223321";

static_assert(std::is_nothrow_move_constructible<eiot::client>::value, "a client moves");
static_assert(!std::is_copy_constructible<eiot::client>::value, "and is not copied");
static_assert(std::is_nothrow_copy_constructible<eiot::error>::value, "an exception's copy cannot throw");

static void an_outcome_tells_instead_of_throwing(const eiot::client &client) {
    eiot::outcome refused = client.refresh_usage("8.9E+31", std::nothrow);
    CHECK(!refused && refused.status() == EIOT_ERR_INVALID_EID);
    CHECK(std::string(refused.error().what()).find("spreadsheet") != std::string::npos);
    try {
        refused.reply();
        CHECK(!"thrown");
    } catch (const eiot::error &error) {
        CHECK(error.status() == EIOT_ERR_INVALID_EID && error.delivered() == eiot::delivered::no);
    }

    eiot::outcome accepted = client.refresh_usage(EID, std::nothrow);
    CHECK(accepted && accepted.status() == EIOT_OK && accepted.reply().eid() == EID);
    try {
        accepted.error();
        CHECK(!"thrown");
    } catch (const std::logic_error &) {
    }
}

static void a_call_can_be_broken_off(const eiot::client &client) {
    eiot::cancellation cancel;
    std::thread other([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        cancel.trigger();
    });
    eiot::outcome outcome = client.refresh_usage(EID, cancel, std::nothrow);
    other.join();
    CHECK(outcome.status() == EIOT_ERR_CANCELLED && outcome.error().delivered() == eiot::delivered::unknown);
    try {
        client.refresh_usage(EID, cancel);
        CHECK(!"thrown");
    } catch (const eiot::error &error) {
        CHECK(error.delivered() == eiot::delivered::no); /* it stays triggered */
    }
}

static void many_cards_are_handed_to_a_lambda(const eiot::client &client) {
    const std::vector<std::string> eids = {"1", "2", "8.9E+31", "3", "1"};
    int refreshed = 0;
    std::string failed;
    CHECK(client.refresh_many(eids, [&](const eiot::outcome &outcome) {
        CHECK(outcome.input() == eids.at(outcome.tag()) && outcome.is_duplicate() == (outcome.tag() == 4));
        if (outcome) refreshed++;
        else failed = outcome.eid();
    }));
    CHECK(refreshed == 4 && failed == "8.9E+31");

    int seen = 0;
    CHECK(!client.refresh_many(eids, [&](const eiot::outcome &) { return ++seen < 2; }, 1));
    CHECK(seen == 5); /* every card, also those that were not sent */

    try {
        client.refresh_many(eids, [](const eiot::outcome &) { throw std::runtime_error("enough"); });
        CHECK(!"thrown");
    } catch (const std::runtime_error &) {
    }

    eiot::cancellation cancel;
    eiot::batch batch(client, cancel, 2);
    for (int i = 10; batch.has_room(); i++) batch.push(std::to_string(i));
    cancel.trigger();
    while (std::unique_ptr<eiot::outcome> outcome = batch.next()) CHECK(outcome->status() == EIOT_ERR_CANCELLED);
    CHECK(batch.submitted() == 2 && batch.count(EIOT_ERR_CANCELLED) == 2 && batch.duplicates() == 0);
}

static void a_batch_keeps_the_log_function_of_its_client() {
    std::shared_ptr<std::vector<std::string>> lines = std::make_shared<std::vector<std::string>>();
    std::unique_ptr<eiot::batch> batch;
    {
        eiot::config options = eiot::config::from_env();
        options.log([lines](const char *line) { lines->push_back(line); });
        eiot::client client(options);
        batch.reset(new eiot::batch(client));
    }
    CHECK(lines.use_count() == 2);
    CHECK(batch->pending() == 0 && !batch->next(std::chrono::milliseconds(0)));
    batch->push("77", 7);
    CHECK(batch->pending() == 1 && batch->in_flight() == 0);
    while (std::unique_ptr<eiot::outcome> outcome = batch->next()) CHECK(*outcome);
    CHECK(lines->size() == 1 && lines->front().find("eid=77 ") != std::string::npos);
    batch.reset();
    CHECK(lines.use_count() == 1);
}

int main() {
    a_batch_keeps_the_log_function_of_its_client();
    std::vector<std::string> lines;
    /* The options, and the variable that held the function, are gone when the client calls. */
    eiot::client made = eiot::client(
        eiot::config::from_env().log([&lines](const char *line) {
            lines.push_back(line);
            throw std::runtime_error("a log that fails is no reason to fail");
        }));
    eiot::client client = std::move(made);
    an_outcome_tells_instead_of_throwing(client);
    CHECK(lines.size() == 1 && lines[0].find("outcome=ok") != std::string::npos);
    many_cards_are_handed_to_a_lambda(client);
    lines.resize(1);
    a_call_can_be_broken_off(client);
    CHECK(lines.size() == 2 && lines[1].find("outcome=cancelled") != std::string::npos);
    return 0;
}
