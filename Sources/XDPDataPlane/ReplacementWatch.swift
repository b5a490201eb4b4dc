// SPDX-License-Identifier: Apache-2.0

/// Judges a new fast-path program by what becomes of packets, compared with what became of them before: no clock, no kernel.
///
/// What is asked each time is what the last half second of packets met. Fed every 50 to 100 ms, it finds a jump within
/// little more than half a second; of few packets it waits for more.
public struct ReplacementWatch: Sendable {
    /// What it goes by.
    public struct Settings: Sendable, Hashable {
        /// How long the new program is watched, nanoseconds.
        public var window: UInt64 = 3_000_000_000
        /// How much a share may rise, of 1.
        public var threshold = 0.10
        /// Fewer packets are not judged.
        public var minimumPackets: UInt64 = 100
        /// Which packets are judged: those of the last so many nanoseconds.
        public var span: UInt64 = 500_000_000
        /// How many samples in a row must say the same.
        public var confirmations = 2

        public init() {}
    }

    /// Totals since the tables were made, at one time. They are to be read in the order of their declaration: a packet counted as
    /// arrived has then been accounted for, unless it is still on its way.
    public struct Sample: Sendable, Hashable {
        /// Nanoseconds of any clock that does not jump.
        public var time: UInt64
        /// Frames that arrived at the ports' interfaces, by the interfaces' own counters.
        public var arrived: UInt64
        /// Of them, those at interfaces that hand each to the program singly.
        public var arrivedSingly: UInt64
        /// Packets the program has ended the way of, whichever way.
        public var accounted: UInt64
        /// Of them, those received at the interfaces that `arrivedSingly` counts.
        public var accountedSingly: UInt64
        public var dropped: UInt64
        /// Handed to the kernel's stack.
        public var missed: UInt64

        public init(
            time: UInt64, arrived: UInt64 = 0, arrivedSingly: UInt64 = 0, accounted: UInt64 = 0,
            accountedSingly: UInt64 = 0, dropped: UInt64 = 0, missed: UInt64 = 0
        ) {
            (self.time, self.arrived, self.arrivedSingly) = (time, arrived, arrivedSingly)
            (self.accounted, self.accountedSingly) = (accounted, accountedSingly)
            (self.dropped, self.missed) = (dropped, missed)
        }
    }

    public enum Judgement: Sendable, Hashable {
        case watching
        /// The window is over. The sentence says what was seen.
        case healthy(String)
        case failing(Failure)
    }

    /// What has risen. Shares are of 1.
    public struct Failure: Sendable, Hashable, CustomStringConvertible {
        public enum Kind: String, Sendable, Hashable { case drops, misses, unaccounted }

        public var kind: Kind
        public var now: Double
        /// How many packets `now` is of.
        public var packets: UInt64
        public var before: Double
        /// How many packets `before` is of; 0: too few, and `before` stands for nothing measured.
        public var packetsBefore: UInt64
        public var threshold: Double
        /// Nanoseconds from the switch to the sample that settled it.
        public var after: UInt64

        public var description: String {
            let what =
                switch kind {
                case .drops: "packets dropped"
                case .misses: "packets left to the kernel"
                case .unaccounted: "packets that arrived and were not accounted for"
                }
            let compared = packetsBefore == 0 ? "too few packets before to compare with" : "\(percent(before)) before"
            return "\(what): \(percent(now)) of \(packets), \(compared); more than "
                + "\(Int((threshold * 100).rounded())) percentage points above, \(after / 1_000_000) ms after the switch"
        }
    }

    /// Shares of packets, of 1.
    public struct Shares: Sendable, Hashable {
        public var dropped = 0.0
        public var missed = 0.0
        public var unaccounted = 0.0
    }

    public let settings: Settings
    /// What the shares were before the switch.
    public let before: Shares
    /// How many packets `before` is of; 0: there were too few to say, and any share above the threshold is a jump.
    public let packetsBefore: UInt64
    /// From the switch on, the oldest no older than needed.
    private var samples: [Sample]
    private let start: Sample
    private var suspicion: (kind: Failure.Kind, times: Int)?

    /// - Parameters:
    ///   - first, last: two samples from before the switch, some time apart. If too few packets came in between, all until the
    ///     last one are compared with.
    ///   - start: the first sample after the switch; may be the last one from before it.
    public init(settings: Settings = Settings(), first: Sample, last: Sample, start: Sample) {
        self.settings = settings
        self.start = start
        samples = [start]
        let recent = Interval(first, last)
        // An interface has counted since before the tables were made: of all there were, only verdicts can be compared.
        var all = last
        (all.arrived, all.arrivedSingly) = (0, 0)
        let judged = recent.packets >= settings.minimumPackets ? recent : Interval(Sample(time: 0), all)
        if judged.packets >= settings.minimumPackets {
            (before, packetsBefore) = (judged.shares, judged.packets)
        } else {
            (before, packetsBefore) = (Shares(), 0)
        }
    }

    /// Takes the next sample and says what is to be thought.
    public mutating func judge(_ sample: Sample) -> Judgement {
        samples.append(sample)
        while samples.count > 2, isEnough(from: samples[1], to: sample) { samples.removeFirst() }
        if let failure = failure() {
            let times = suspicion.map { $0.kind == failure.kind ? $0.times + 1 : 1 } ?? 1
            suspicion = (failure.kind, times)
            if times >= settings.confirmations { return .failing(failure) }
        } else {
            suspicion = nil
        }
        guard sample.time &- start.time >= settings.window, suspicion == nil else { return .watching }
        return .healthy(healthyText(sample))
    }

    private func isEnough(from: Sample, to: Sample) -> Bool {
        let interval = Interval(from, to)
        return to.time &- from.time >= settings.span && interval.packets >= settings.minimumPackets
    }

    private func failure() -> Failure? {
        guard let first = samples.first, let last = samples.last, samples.count > 1 else { return nil }
        let interval = Interval(first, last)
        func failure(_ kind: Failure.Kind, _ before: Double, _ now: Double, _ packets: UInt64) -> Failure? {
            guard packets >= settings.minimumPackets, now - before > settings.threshold else { return nil }
            return Failure(
                kind: kind, now: now, packets: packets, before: before, packetsBefore: packetsBefore,
                threshold: settings.threshold, after: last.time &- start.time)
        }
        let shares = interval.shares
        if let found = failure(.drops, before.dropped, shares.dropped, interval.accounted)
            ?? failure(.misses, before.missed, shares.missed, interval.accounted)
        {
            return found
        }
        // What arrived until the sample before the last: the rest may still be on its way to the program.
        let settled = Interval(first, arrivedBy: samples[samples.count - 2], accountedBy: last)
        if let found = failure(.unaccounted, before.unaccounted, settled.shares.unaccounted, settled.arrivedSingly) {
            return found
        }
        // Interfaces that join frames before the program sees them can only tell whether it sees any.
        guard settled.accounted == 0 else { return nil }
        return failure(.unaccounted, before.unaccounted, 1, settled.arrived)
    }

    private func healthyText(_ last: Sample) -> String {
        let interval = Interval(start, last)
        guard interval.accounted >= settings.minimumPackets else {
            return "\(interval.accounted) packets came in \(settings.window / 1_000_000) ms, too few to judge it by"
        }
        let shares = interval.shares
        let compared =
            packetsBefore == 0
            ? "no packets before to compare with"
            : "\(percent(before.dropped)) and \(percent(before.missed)) before"
        return
            "of \(interval.accounted) packets in \(settings.window / 1_000_000) ms \(percent(shares.dropped)) were dropped "
            + "and \(percent(shares.missed)) left to the kernel; \(compared)"
    }
}

/// What happened between two samples.
private struct Interval {
    var arrived: UInt64
    var arrivedSingly: UInt64
    var accounted: UInt64
    var accountedSingly: UInt64
    var dropped: UInt64
    var missed: UInt64

    init(_ from: ReplacementWatch.Sample, _ to: ReplacementWatch.Sample) {
        self.init(from, arrivedBy: to, accountedBy: to)
    }

    init(
        _ from: ReplacementWatch.Sample, arrivedBy: ReplacementWatch.Sample, accountedBy to: ReplacementWatch.Sample
    ) {
        // Interfaces come and go, and with them what they have counted.
        func difference(_ now: UInt64, _ then: UInt64) -> UInt64 { now > then ? now - then : 0 }
        arrived = difference(arrivedBy.arrived, from.arrived)
        arrivedSingly = difference(arrivedBy.arrivedSingly, from.arrivedSingly)
        accounted = difference(to.accounted, from.accounted)
        accountedSingly = difference(to.accountedSingly, from.accountedSingly)
        dropped = difference(to.dropped, from.dropped)
        missed = difference(to.missed, from.missed)
    }

    var packets: UInt64 { max(arrived, accounted) }

    var shares: ReplacementWatch.Shares {
        func share(_ part: UInt64, _ whole: UInt64) -> Double { whole == 0 ? 0 : Double(part) / Double(whole) }
        return ReplacementWatch.Shares(
            dropped: share(dropped, accounted), missed: share(missed, accounted),
            unaccounted: arrivedSingly > accountedSingly ? share(arrivedSingly - accountedSingly, arrivedSingly) : 0)
    }
}

/// `12.5 %`; Foundation's formatting is not at hand here.
private func percent(_ share: Double) -> String {
    let tenths = Int((share * 1000).rounded())
    return "\(tenths / 10).\(tenths % 10) %"
}
