// SPDX-License-Identifier: Apache-2.0
import Glibc

/// A machine, and the simulated card in it: starts QEMU, whose device `x-pci-proxy-dev,fd=3` hands every access to a
/// PCI function over to this process, and answers until the machine is off.
///
///     card-process FILE qemu-system-x86_64 ...
///
/// FILE becomes the memory of an `ivshmem` device, behind which is another card.
@main
struct CardProcess {
    static func main() {
        let arguments = Array(CommandLine.arguments.dropFirst())
        guard arguments.count > 1 else {
            say("usage: card-process FILE MACHINE [ARGUMENT]...")
            exit(2)
        }
        do {
            let shared = try SharedCard(arguments[0])
            let (socket, machine) = try start(Array(arguments.dropFirst()))
            // Whoever ends this process ends the machine, too, and this one then follows.
            signal(SIGTERM, SIG_IGN)
            try serve(ProxyLink(socket), CardFunction(), shared)
            var status: Int32 = 0
            waitpid(machine, &status, 0)
        } catch {
            say("FAIL the card's process: \(error)")
            exit(1)
        }
    }

    /// The machine gets its end of a pair of sockets as file 3.
    private static func start(_ arguments: [String]) throws -> (socket: Int32, process: pid_t) {
        var ends: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            throw Failure("socketpair", errno)
        }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[1], 3)
        var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        var process = pid_t()
        let result = posix_spawnp(&process, arguments[0], &actions, nil, &words, environ)
        guard result == 0 else { throw Failure(arguments[0], result) }
        close(ends[1])
        return (ends[0], process)
    }

    private static func serve(_ link: ProxyLink, _ card: CardFunction, _ shared: SharedCard) throws {
        while true {
            shared.look()
            // Nobody tells of a write to shared memory: it is looked at again in a millisecond.
            guard try link.isReady(milliseconds: 1) else { continue }
            guard let message = try link.receive() else { return }
            switch message {
            case .unanswered: break
            case .readConfiguration(let offset, let count):
                try link.reply(UInt64(card.readConfiguration(offset, count)))
            case .writeConfiguration(let offset, let count, let value):
                card.writeConfiguration(offset, count, value)
                try link.reply(0)
            case .load(let address, let bytes): try link.reply(UInt64(card.load(address, bytes)))
            case .store(let address, let bytes, let value):
                card.store(address, bytes, UInt32(truncatingIfNeeded: value))
                try link.reply(0)
            case .reset:
                card.resetConfiguration()
                try link.reply(0)
            }
        }
    }
}

/// A line among those of the guest, at once.
func say(_ line: String) {
    print(line)
    fflush(nil)
}

struct Failure: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
    init(_ call: String, _ number: Int32) { self.init("\(call): \(String(cString: strerror(number)))") }
}
