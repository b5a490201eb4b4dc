// SPDX-License-Identifier: Apache-2.0

/// What many runs have come to.
public struct SoakTally: Sendable {
    public private(set) var runs = 0
    public private(set) var outcomes: [SoakReport.Outcome: Int] = [:]
    private var packets = 0
    private var lost = 0
    private var slow = 0
    private var acknowledged = 0
    private var inFlight: [String: Int] = [:]
    private var checks: [String: Int] = [:]

    public init() {}

    public mutating func add(_ report: SoakReport) {
        runs += 1
        outcomes[report.outcome, default: 0] += 1
        packets += report.packets.sent
        lost += report.packets.lost.count
        slow += report.slowPackets
        acknowledged += report.acknowledged
        for fate in report.fates {
            switch fate {
            case .present: inFlight["present", default: 0] += 1
            case .absent: inFlight["absent", default: 0] += 1
            case .half: inFlight["half", default: 0] += 1
            }
        }
        for check in Set(report.complaints.map(\.check)) { checks[check, default: 0] += 1 }
    }

    /// All of them passed.
    public var isClean: Bool { outcomes[.passed] == runs }
}

extension SoakTally: CustomStringConvertible {
    public var description: String {
        let outcomes = [SoakReport.Outcome.passed, .failed, .inconclusive, .unavailable]
            .compactMap { outcome in self.outcomes[outcome].map { "\($0) \(outcome.rawValue)" } }
        var text =
            "\(runs) runs: \(outcomes.joined(separator: ", ")); \(packets) packets, \(lost) lost, \(slow) by the kernel; "
        text += "\(acknowledged) changes acknowledged"
        for (fate, count) in inFlight.sorted(by: { $0.key < $1.key }) { text += ", \(count) in flight \(fate)" }
        guard !checks.isEmpty else { return text }
        let complaints = checks.sorted { $0.key < $1.key }.map { "\($0.key) in \($0.value)" }
        return text + "\nruns with complaints: \(complaints.joined(separator: ", "))"
    }
}
