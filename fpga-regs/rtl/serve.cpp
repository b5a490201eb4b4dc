// SPDX-License-Identifier: Apache-2.0
// Serves the card in hardware description, simulated by Verilator, at a Unix socket: serve PATH
//
// One message each way (SOCK_SEQPACKET), numbers big-endian. Request 01 00 count(16), count times (length(16), MOSI bytes):
// each of them one assertion of the chip select. Answer 81 00 count(16), count times (length(16), MISO bytes). To all else the
// answer is ff 00 length(16) and a text. Ends when its standard input does, so that it never outlives who started it.
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <vector>

#include "Vcard.h"
#include "verilated.h"

namespace {

using Bytes = std::vector<uint8_t>;

constexpr size_t longest_message = 128 << 10;
constexpr size_t most_frames = 4096;
constexpr size_t head = 4;

// The wires, driven as a master in mode 0 drives them.
class Wires {
public:
    Wires() {
        // Registers without a public reset value begin with anything, the same in each run.
        context.randReset(2);
        context.randSeed(1);
        card = std::make_unique<Vcard>(&context);
        card->cs_n = 1;
        card->sck = 0;
        card->mosi = 0;
        card->clk = 0;
        card->rst = 1;
        tick(8);
        card->rst = 0;
        tick(8);
    }

    ~Wires() { card->final(); }

    Bytes exchange(const uint8_t *out, size_t length) {
        Bytes in(length, 0);
        card->cs_n = 0;
        tick(half_period);
        for (size_t bit = 0; bit < length * 8; bit++) {
            card->mosi = out[bit / 8] >> (7 - bit % 8) & 1;
            tick(half_period);
            in[bit / 8] = in[bit / 8] << 1 | card->miso;
            card->sck = 1;
            tick(half_period);
            card->sck = 0;
        }
        tick(half_period);
        card->cs_n = 1;
        tick(gap);
        return in;
    }

private:
    // Ticks of the card's clock. At 200 MHz this is a wire of 33 MHz, and little enough that a frame takes little time.
    static constexpr int half_period = 3;
    static constexpr int gap = 8;

    VerilatedContext context;
    std::unique_ptr<Vcard> card;

    void tick(int count) {
        for (int i = 0; i < count; i++) {
            card->clk = 1;
            card->eval();
            card->clk = 0;
            card->eval();
        }
    }
};

uint16_t number(const Bytes &bytes, size_t at) { return bytes[at] << 8 | bytes[at + 1]; }

void append(Bytes &bytes, size_t number) {
    bytes.push_back(number >> 8 & 0xff);
    bytes.push_back(number & 0xff);
}

Bytes error(const std::string &text) {
    Bytes answer = {0xff, 0};
    append(answer, text.size());
    answer.insert(answer.end(), text.begin(), text.end());
    return answer;
}

Bytes answer(Wires &wires, const Bytes &request) {
    if (request.size() > longest_message) return error("the message is longer than 131072 bytes");
    if (request.size() < head) return error("a message has at least 4 bytes");
    if (request[0] != 1 || request[1] != 0) return error("this card takes requests of kind 1 only: SPI frames");
    const size_t count = number(request, 2);
    if (count > most_frames) return error("a batch holds at most 4096 frames");
    // A malformed batch is not carried out in part.
    std::vector<std::pair<size_t, size_t>> frames;
    size_t at = head;
    for (size_t i = 0; i < count; i++) {
        if (request.size() - at < 2 || request.size() - at - 2 < number(request, at))
            return error("the message ends within frame " + std::to_string(i));
        frames.emplace_back(at + 2, number(request, at));
        at += 2 + frames.back().second;
    }
    if (at != request.size()) return error("bytes follow the last frame");
    Bytes result = {0x81, 0, request[2], request[3]};
    for (const auto &[first, length] : frames) {
        const Bytes in = wires.exchange(request.data() + first, length);
        append(result, in.size());
        result.insert(result.end(), in.begin(), in.end());
    }
    return result;
}

int fail(const char *what, const char *path) {
    std::fprintf(stderr, "card-rtl: %s %s: %s\n", what, path, std::strerror(errno));
    return 1;
}

} // namespace

int main(int argc, char **argv) {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    if (argc != 2 || std::strlen(argv[1]) >= sizeof address.sun_path) {
        std::fprintf(stderr, "card-rtl: expected the path of a socket, at most %zu bytes\n", sizeof address.sun_path - 1);
        return 2;
    }
    std::strcpy(address.sun_path, argv[1]);
    const int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (listener < 0) return fail("socket", argv[1]);
    if (bind(listener, reinterpret_cast<sockaddr *>(&address), sizeof address) != 0) return fail("bind", argv[1]);
    if (listen(listener, 8) != 0) return fail("listen", argv[1]);

    Wires wires;
    std::puts("ready");
    std::fflush(stdout);
    std::vector<pollfd> polled = {{STDIN_FILENO, POLLIN, 0}, {listener, POLLIN, 0}};
    Bytes buffer(longest_message + 1);
    for (;;) {
        if (poll(polled.data(), polled.size(), -1) < 0 && errno != EINTR) return fail("poll", argv[1]);
        if (polled[0].revents != 0) break;
        for (size_t i = polled.size(); i-- > 2;) {
            if (polled[i].revents == 0) continue;
            const ssize_t length = recv(polled[i].fd, buffer.data(), buffer.size(), 0);
            bool stays = length > 0;
            if (stays) {
                const Bytes reply = answer(wires, Bytes(buffer.begin(), buffer.begin() + length));
                stays = send(polled[i].fd, reply.data(), reply.size(), MSG_NOSIGNAL) == ssize_t(reply.size());
            }
            if (!stays) {
                close(polled[i].fd);
                polled.erase(polled.begin() + ssize_t(i));
            }
        }
        if (polled[1].revents != 0) {
            const int client = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
            if (client >= 0) polled.push_back({client, POLLIN, 0});
        }
    }
    unlink(argv[1]);
    return 0;
}
