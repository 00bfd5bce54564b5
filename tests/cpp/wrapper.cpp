/* What eiot.hpp adds to eiot.h: outcomes, logs, events, batches and cancellation. The environment leads to a platform that answers after 300 ms. */
#include <eiot.hpp>

#include "check.hpp"

#include <chrono>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

static const char *const EID = "89044011112233441122334411223321";

static void an_outcome_tells_instead_of_throwing(const eiot::client &client) {
    eiot::outcome refused = client.refresh_usage("8.9E+31", std::nothrow);
    CHECK(!refused && refused.status() == EIOT_ERR_INVALID_EID);
    CHECK(std::string(refused.error().what()).find("spreadsheet") != std::string::npos);
    try {
        refused.reply();
        FAIL("nothing was thrown");
    } catch (const eiot::error &error) {
        CHECK(error.status() == EIOT_ERR_INVALID_EID && error.delivered() == eiot::delivered::no);
    }

    CHECK(!refused.was_sent() && refused.error().is_final() && !refused.error().is_retryable());

    eiot::outcome accepted = client.refresh_usage(EID, std::nothrow);
    const eiot::outcome copy = accepted;
    CHECK(copy && copy.was_sent() && copy.reply().message() == accepted.reply().message());
    CHECK(accepted && accepted.status() == EIOT_OK && accepted.reply().eid() == EID);
    try {
        accepted.error();
        FAIL("nothing was thrown");
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
        FAIL("nothing was thrown");
    } catch (const eiot::error &error) {
        CHECK(error.delivered() == eiot::delivered::no); /* it stays triggered */
    }
    const char *const path = "/api/v3/cloudesim/get";
    const std::string card = "{\"eid\": \"89044011112233441122334411223321\"}";
    CHECK(client.call(path, card, cancel, std::nothrow).status() == EIOT_ERR_CANCELLED);
    CHECK(client.call(path, card, std::nothrow));
    bool is_thrown = false;
    try {
        client.call(path, card, cancel);
    } catch (const eiot::error &error) {
        is_thrown = error.status() == EIOT_ERR_CANCELLED;
    }
    CHECK(is_thrown);
    const std::vector<std::string> eids{"1", "2"};
    CHECK(client.refresh_many(eids, cancel).at(1).status() == EIOT_ERR_CANCELLED);
    CHECK(client.refresh_many(eids, cancel, std::nothrow).value().at(0).status() == EIOT_ERR_CANCELLED);
    int seen = 0;
    CHECK(!client.refresh_many(eids, cancel, [&](const eiot::outcome &) { seen++; }));
    CHECK(client.refresh_many(eids, cancel, [&](const eiot::outcome &) { seen++; }, std::nothrow).status() ==
          EIOT_ERR_CANCELLED);
    CHECK(seen == 4);
}

static void many_cards_are_handed_to_a_lambda(const eiot::client &client) {
    const std::vector<std::string> eids = {"1", "2", "8.9E+31", "3", "1"};
    int refreshed = 0;
    std::string failed;
    CHECK(client.refresh_many(eids, [&](const eiot::outcome &outcome) {
        CHECK(outcome.input() == eids.at(static_cast<std::size_t>(outcome.tag())) && outcome.is_duplicate() == (outcome.tag() == 4));
        if (outcome) refreshed++;
        else failed = outcome.eid();
    }));
    CHECK(refreshed == 4 && failed == "8.9E+31");

    int seen = 0;
    CHECK(!client.refresh_many(eids, [&](const eiot::outcome &) { return ++seen < 2; }));
    CHECK(seen == 5); /* every card, also those that were not sent */
    CHECK(client.refresh_many(eids, [](const eiot::outcome &) {}, std::nothrow));
    CHECK(client.refresh_many(eids, [](const eiot::outcome &) { return false; }, std::nothrow).status() ==
          EIOT_ERR_CANCELLED);

    try {
        client.refresh_many(eids, [](const eiot::outcome &) { throw std::runtime_error("enough"); });
        FAIL("nothing was thrown");
    } catch (const std::runtime_error &) {
    }

    eiot::cancellation cancel;
    eiot::batch batch(client, cancel, 2);
    for (int i = 10; batch.has_room(); i++) batch.push(std::to_string(i));
    cancel.trigger();
    while (std::unique_ptr<eiot::outcome> outcome = batch.next()) CHECK(outcome->status() == EIOT_ERR_CANCELLED);
    CHECK(batch.submitted() == 2 && batch.count(EIOT_ERR_CANCELLED) == 2 && batch.duplicates() == 0);
}

static void many_cards_come_back_in_their_order(const eiot::client &client) {
    const std::list<const char *> eids{" 1", "8.9E+31", "2", "1"};
    const std::vector<eiot::outcome> cards = client.refresh_many(eids);
    CHECK(cards.size() == 4 && cards[0] && cards[2] && cards[3]);
    CHECK(cards[0].input() == " 1" && cards[0].eid() == "1" && cards[0].reply().eid() == "1");
    CHECK(cards[1].error().is_final() && !cards[1].was_sent() && cards[1].tag() == 1);
    CHECK(cards[3].is_duplicate() && !cards[3].was_sent() && !cards[0].is_duplicate());

    /* Not the card "1". */
    const std::string with_nul("1\0", 2);
    CHECK(client.refresh_many(std::vector<std::string>{with_nul}).at(0).status() == EIOT_ERR_INVALID_EID);
    const char *const with_null[] = {"1", nullptr};
    eiot::expected<std::vector<eiot::outcome>> refused = client.refresh_many(with_null, std::nothrow);
    CHECK(refused.status() == EIOT_ERR_INVALID_ARGUMENT);
    CHECK(std::string(refused.error().what()).find("eids[1]") != std::string::npos);
    CHECK(client.refresh_many(std::vector<std::string>()).empty());
}

static void a_batch_waits_for_at_most_the_limit(const eiot::client &client) {
    eiot::batch batch(client, 2);
    CHECK(batch.push("5", 50, std::nothrow));
    CHECK(batch.push(nullptr, 0, std::nothrow).status() == EIOT_ERR_INVALID_ARGUMENT);
    batch.push(std::string("5"), 51);
    CHECK(!batch.next(std::chrono::milliseconds(-1)) && batch.pending() == 2 && batch.in_flight() == 1);
    const auto start = std::chrono::steady_clock::now();
    CHECK(!batch.next(std::chrono::milliseconds(20)));
    CHECK(std::chrono::steady_clock::now() - start >= std::chrono::milliseconds(20));
    std::unique_ptr<eiot::outcome> first = batch.next(std::chrono::seconds(20));
    CHECK(first && *first && first->tag() == 50 && first->was_sent());
    std::unique_ptr<eiot::outcome> second = std::move(batch.next(std::nothrow)).value();
    CHECK(second->tag() == 51 && second->is_duplicate() && !batch.next() && batch.duplicates() == 1);
    CHECK(!*batch.next(std::chrono::milliseconds(0), std::nothrow));

    batch.stop();
    CHECK(!batch.has_room());
    batch.push("6");
    CHECK(batch.next()->status() == EIOT_ERR_CANCELLED);
    CHECK(eiot::batch::create(client, std::nothrow, 1025).status() == EIOT_ERR_INVALID_ARGUMENT);
    CHECK(eiot::batch::create(client, eiot::cancellation(), std::nothrow));
}

static void events_and_counters_tell_of_each_call() {
    std::mutex mutex;
    std::vector<std::string> seen;
    eiot::client client(eiot::config::from_env().on_event([&](const eiot::event &event) {
        const std::lock_guard<std::mutex> lock(mutex);
        CHECK(event.json().find("\"path\":\"" + event.path() + "\"") != std::string::npos);
        CHECK(event.next_wait().count() == -1);
        if (event.status() == EIOT_OK) {
            CHECK(event.attempt() == 1 && event.platform_code() == "200" && event.http_status() == 200);
            CHECK(event.duration().count() > 250 && event.timestamp() > 0 && event.nonce() > 0 && event.message().empty());
            CHECK(event.delivered() == eiot::delivered::yes);
        } else {
            const unsigned attempts = event.status() == EIOT_ERR_INVALID_EID ? 0 : 1;
            CHECK(event.attempt() == attempts && (event.nonce() > 0) == (attempts > 0) && !event.message().empty());
        }
        seen.push_back(event.eid() + " " + event.kind());
        throw std::runtime_error("a callback that fails is no reason to fail");
    }));
    CHECK(client.refresh_usage(EID, std::nothrow));
    CHECK(!client.refresh_usage("8.9E+31", std::nothrow));

    /* Another timeout for one call; connections, callbacks and counters are shared. */
    const eiot::client hasty = client.with_options(client.options().timeout(std::chrono::milliseconds(50)));
    CHECK(hasty.refresh_usage(EID, std::nothrow).status() == EIOT_ERR_TIMEOUT);
    CHECK(client.with_options(client.options().rate_limit(1), std::nothrow).status() == EIOT_ERR_CONFIG);
    CHECK(client.with_options(client.options(std::nothrow).set("timeout", "soon"), std::nothrow).status() == EIOT_ERR_CONFIG);

    CHECK(seen.size() == 3 && seen[0] == std::string(EID) + " ok" && seen[2] == std::string(EID) + " timeout");
    CHECK(seen[1].find(" invalid_eid") != std::string::npos);
    const std::string json = client.stats_json();
    CHECK(json.find("\"calls\":{\"started\":3,\"in_flight\":0,\"ok\":1,") != std::string::npos && json.back() == '}');
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

int main(int, char **) {
    events_and_counters_tell_of_each_call();
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
    many_cards_come_back_in_their_order(client);
    a_batch_waits_for_at_most_the_limit(client);
    lines.resize(1);
    a_call_can_be_broken_off(client);
    CHECK(lines.size() == 3 && lines[1].find("outcome=cancelled") != std::string::npos);
    return 0;
}
