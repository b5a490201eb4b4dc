// SPDX-License-Identifier: Apache-2.0
import BPF
import Controller
import Dispatch
import FlowEngineDriver
import FlowEngineRegisters
import Glibc

/// A card that did not answer at the start: it may have got power later than the node, and nothing comes by its ports until it is set up.
/// When it answers the process starts itself again, and takes over what it had left: programs, tables, counters.
struct AwaitedCard: Sendable {
    let card: Configuration.Card

    /// Nil if the error is one that waiting does not cure.
    init?(_ card: Configuration.Card, after error: any Error) {
        let bus: BusError? =
            if case .bus(let error)? = error as? CardError { error } else { error as? BusError }
        switch bus?.cause {
        case .noCard, .silent, .timedOut, .peer, .system: self.card = card
        case .refused, .address, .configuration, nil: return nil
        }
    }

    /// Between two looks.
    private static let interval = 2
    /// How often this process has started itself again, for those who come after it: a card that answers and then does not is asked
    /// more and more rarely.
    private static let startsVariable = "PICCOLO_CARD_STARTS"

    static func isUsed() { unsetenv(startsVariable) }

    /// Asks for a new start while the card answers, until it is cancelled.
    func watch(_ daemon: DaemonState) async {
        let starts = getenv(Self.startsVariable).flatMap { Int(String(cString: $0)) } ?? 0
        var pause = Self.interval << min(max(starts, 0), 7)
        var answers = 0
        while true {
            do { try await Task.sleep(for: .seconds(pause)) } catch { return }
            pause = Self.interval
            answers = await isThere() ? answers + 1 : 0
            // Twice: one that has just got power may not stay.
            guard answers >= 2 else { continue }
            setenv(Self.startsVariable, "\(starts + 1)", 1)
            daemon.startAgain()
        }
    }

    /// Off the threads that serve clients: a card may let one wait.
    private func isThere() async -> Bool {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(returning: answersNow()) }
        }
    }

    /// Only reads; at a clock that every wiring carries.
    private func answersNow() -> Bool {
        let hertz = card.speed ?? 1_000_000
        guard let location = try? CardLocation(card.bus.text),
            let bus = try? location.open(hertz: hertz, mode: CardFront.mode(of: card))
        else { return false }
        let profile = CardFront.profile(of: card)
        return (try? CardIdentity.probe(bus, profile: profile, hashRevision: card.hashRevision)) != nil
    }

    /// This program once more, as it was called but for its configuration, which is the one applied last. Returns only if it fails.
    static func startAgain() -> CommandFailure {
        var arguments: [String] = []
        var isValue = false
        for argument in CommandLine.arguments {
            defer { isValue = argument == "--config" }
            if isValue || argument == "--config" || argument.hasPrefix("--config=") { continue }
            arguments.append(argument)
        }
        for name in BPFFileSystem.names(in: "/proc/self/fd") {
            guard let descriptor = Int32(name), descriptor > STDERR_FILENO else { continue }
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        }
        let name = withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(PATH_MAX)) { buffer in
            guard let start = buffer.baseAddress else { return "" }
            let length = readlink("/proc/self/exe", start, buffer.count - 1)
            start[max(0, length)] = 0
            return String(cString: start)
        }
        // By its own name, unless it was replaced meanwhile: then it is the one that runs.
        let own = access(name, X_OK) == 0 ? name : "/proc/self/exe"
        var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        execv(own, &words)
        return CommandFailure(message: "cannot start again: \(String(cString: strerror(errno)))")
    }
}
