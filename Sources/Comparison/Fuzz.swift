// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

/// How often each disposition and reason came up.
public struct ReasonCoverage: Sendable, Hashable, CustomStringConvertible {
    public struct Outcome: Hashable, Sendable, Comparable {
        public var disposition: Disposition
        public var reason: Reason

        public static func < (a: Self, b: Self) -> Bool {
            (a.reason.rawValue, a.disposition.rawValue) < (b.reason.rawValue, b.disposition.rawValue)
        }
    }

    public private(set) var counts: [Outcome: Int] = [:]

    public init() {}

    mutating func add(_ verdict: PacketVerdict) {
        counts[Outcome(disposition: verdict.disposition, reason: verdict.reason), default: 0] += 1
    }

    /// Reasons that a packet put through a data plane can have and that none had. A packet in more than one buffer cannot be
    /// put through, and an internal error must not happen.
    public var missing: [Reason] {
        let reached = Set(counts.keys.map(\.reason))
        return Reason.allCases.filter { ![.none, .multiBuffer, .internal].contains($0) && !reached.contains($0) }
    }

    public var description: String {
        counts.sorted { $0.key < $1.key }
            .map { "\($0.key.reason.name) (\($0.key.disposition)): \($0.value)" }.joined(separator: "\n")
    }
}

/// Random worlds and random packets through several data planes.
public struct Fuzz {
    public struct Report: Sendable {
        public var worlds = 0
        public var packets = 0
        public var coverage = ReasonCoverage()
        /// Of the first world in which the data planes differed, made small; nil if they never did.
        public var failure: FailingCase?
    }

    public var options: RandomWorld.Options
    /// Packets put through each world.
    public var packetsPerWorld = 2000

    public init(options: RandomWorld.Options) { self.options = options }

    /// Puts `packets` through, in worlds made of `seed`, until a difference. `progress` is called after each world with the report
    /// so far; false ends the run.
    public func run(
        seed: UInt64, packets: Int, through comparison: PacketComparison, progress: (Report) -> Bool = { _ in true }
    ) -> Report {
        var report = Report()
        var seeds = RandomSource(seed: seed)
        var worldSeed = seed
        while report.packets < packets {
            let wanted = min(packetsPerWorld, packets - report.packets)
            if let failure = runWorld(seed: worldSeed, packets: wanted, through: comparison, &report) {
                report.failure = failure
                return report
            }
            if !progress(report) { return report }
            worldSeed = seeds.next()
        }
        return report
    }

    /// One world: seed `s` alone makes the same world and packets again, as the first world of a run with that seed.
    private func runWorld(
        seed: UInt64, packets: Int, through comparison: PacketComparison, _ report: inout Report
    ) -> FailingCase? {
        var generator = RandomWorld(seed: seed, options: options)
        let world = generator.world
        report.worlds += 1
        var origin = "seed \(seed)"
        var sent: [TestPacket] = []
        sent.reserveCapacity(packets)
        var found = comparison.install(world)
        var shown: [TestPacket] = []
        if found.isEmpty {
            for number in 0..<packets {
                let packet = generator.nextPacket()
                sent.append(packet)
                report.packets += 1
                if number == packets / 2 { comparison.advanceTime() }
                let (verdicts, differences) = comparison.process(packet)
                if let verdict = verdicts.first ?? nil { report.coverage.add(verdict) }
                guard differences.isEmpty else {
                    origin += ", packet \(number)"
                    (found, shown) = (differences, [packet])
                    break
                }
            }
            if found.isEmpty {
                found = comparison.finish()
                shown = sent
            }
        }
        guard !found.isEmpty else { return nil }
        var shrinker = Shrinker(comparison)
        let given = FailingCase(world: world, packets: shown, differences: found, origin: origin)
        let single = shrinker.differences(world, shown)
        // A packet that differs only after others: give the shrinker all of them.
        let whole = FailingCase(world: world, packets: sent, differences: found, origin: origin)
        return shrinker.shrink(single.isEmpty ? whole : given)
    }
}
