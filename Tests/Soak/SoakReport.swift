// SPDX-License-Identifier: Apache-2.0
import Tables

/// What one run has found.
public struct SoakReport: Sendable {
    public enum Outcome: String, Sendable {
        case passed, failed
        /// The harness lost packets itself: nothing can be said.
        case inconclusive
        /// The daemon of this build lacks a command the scenario needs.
        case unavailable
    }

    public var scenario: SoakScenario
    public var outcome = Outcome.passed
    /// What is wrong, by check.
    public private(set) var complaints: [(check: String, what: String)] = []
    public var packets = PacketLedger.Report()
    /// Of the packets sent, those the fast path did not forward.
    public var slowPackets = 0
    public var acknowledged = 0
    public var fates: [Books.Fate] = []
    public var generationBefore = PolicyGeneration(rawValue: 0)
    public var generationAfter = PolicyGeneration(rawValue: 0)
    /// When the signal was sent, nanoseconds of CLOCK_MONOTONIC.
    var signalTime: UInt64 = 0
    /// From the start of the last daemon to its listening.
    public var restart = Duration.zero
    public var duration = Duration.zero
    /// File with what the last daemon said; those before it are beside it.
    public var log: String?

    init(_ scenario: SoakScenario) { self.scenario = scenario }

    mutating func complain(_ check: String, _ what: String) {
        complaints.append((check, what))
        if outcome == .passed { outcome = .failed }
    }

    /// A line about the run, and one for each complaint.
    public func text(again: String) -> String {
        var line = "seed \(scenario.seed): \(scenario): \(outcome.rawValue)"
        if outcome == .unavailable { return line + "; this piccolo has no such command" }
        let fates = fates.map { fate in
            switch fate {
            case .present: "present"
            case .absent: "absent"
            case .half(let done, let all): "half (\(done) of \(all))"
            }
        }
        line += "; \(packets.sent) packets, \(packets.lost.count) lost, \(packets.misdirected) misdirected, "
        line += "\(packets.duplicated) twice, \(packets.reordered) out of order, \(slowPackets) by the kernel; "
        line +=
            "\(acknowledged) changes acknowledged, in flight: \(fates.isEmpty ? "none" : fates.joined(separator: ", ")); "
        line += "generation \(generationBefore.rawValue) to \(generationAfter.rawValue); "
        line += "listening after \(Self.milliseconds(restart)), longest way \(packets.longestDelay / 1000) µs, "
        line += "\(Self.milliseconds(duration)) in all"
        guard !complaints.isEmpty else { return line }
        let details = complaints.map { "\n    \($0.check): \($0.what)" }.joined()
        return line + details + "\n    log: \(log ?? "none")\n    again: \(again)"
    }

    private static func milliseconds(_ time: Duration) -> String {
        "\(time.components.seconds * 1000 + time.components.attoseconds / 1_000_000_000_000_000) ms"
    }
}
