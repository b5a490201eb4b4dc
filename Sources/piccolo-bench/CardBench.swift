// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import FlowEngineDriver
import FlowEngineSimulator
import Glibc
import Tables

struct Card: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Rules over SPI against what the wire can carry, and the driver's time, on a simulated card.")
    @OptionGroup var options: Options

    func run() throws {
        try options.report("card", isIsolated: false) { report in
            try CardBench(rounds: options.effectiveRounds).run(into: &report)
        }
    }
}

/// `card`: what goes over the wire, which is the same in every run, and the time of the processor, which is not.
struct CardBench {
    var rounds: Int

    private static let clocks: [UInt64] = [20_000_000, 50_000_000]
    private static let batches = [1, 8, 64, 500]
    /// As a kernel for 64-bit Arm counts frames against `bufsiz`, by itself and with as much room as `spidev` can have there.
    private static let coarseLimits = [
        (name: "bufsiz 4096, 128 B a frame", SPILimits(frames: 511, bytes: 4096, granule: 128)),
        (name: "bufsiz 65536, 128 B a frame", SPILimits(frames: 511, bytes: 65536, granule: 128)),
    ]

    func run(into report: inout Report) throws {
        for kind in CardRig.Kind.allCases { try traffic(kind, into: &report) }
        try coarse(into: &report)
        try policyChange(into: &report)
        try processorTime(into: &report)
    }

    // MARK: The wire

    /// What one kind of rule costs: placed in an empty card, taken out, and others placed where those were.
    private struct Series {
        var placed = CardTraffic()
        var removed = CardTraffic()
        var replaced = CardTraffic()

        init(_ kind: CardRig.Kind, batch: Int, _ transport: CardRig.Transport) throws {
            let rig = try CardRig(transport, stations: 0..<CardRig.rules * 2)
            let rules = (0..<CardRig.rules * 2).map { CardRig.megaflow(kind, $0) }
            func each(_ rules: ArraySlice<Megaflow>, _ body: ([Megaflow]) throws -> Void) rethrows {
                for start in stride(from: rules.startIndex, to: rules.endIndex, by: batch) {
                    try body(Array(rules[start..<min(start + batch, rules.endIndex)]))
                }
            }
            let (first, second) = (rules[..<CardRig.rules], rules[CardRig.rules...])
            try placed.add(rig.card, entries: CardRig.rules) { try each(first, rig.offload) }
            try removed.add(rig.card, entries: CardRig.rules) { try each(first, rig.withdraw) }
            try replaced.add(rig.card, entries: CardRig.rules) { try each(second, rig.offload) }
        }
    }

    private func traffic(_ kind: CardRig.Kind, into report: inout Report) throws {
        // Of all batches.
        var most = [0.0, 0.0, 0.0]
        for batch in Self.batches {
            let series = try Self.clocks.map {
                try Series(kind, batch: batch, .spi(hertz: $0, CardRig.usualLimits))
            }
            let section = "\(CardRig.rules) \(kind.rawValue) rules, \(batch) at a time"
            for (index, path) in Self.steps.enumerated() {
                let (name, traffic) = (path.name, series[0][keyPath: path.traffic])
                report.rows += [
                    row(section, "\(name): words", traffic.written, traffic.needed, traffic),
                    row(section, "\(name): bits", traffic.bits, traffic.needed * CardTraffic.bitsPerWord, traffic),
                ]
                most[index] = max(most[index], Double(traffic.written) / Double(traffic.needed))
            }
            report.rows += zip(Self.clocks, series).map { time("placed", section, $1.placed, $0) }
            report.bars.append(bar("\(kind.rawValue), \(batch) at a time", series.map(\.placed)))
        }
        report.bars += zip(Self.steps, most).map { step, most in
            Bar(
                what: "words written to needed, \(kind.rawValue), \(step.name)", limit: 1, isUpper: true, value: most)
        }
    }

    private static let steps: [(name: String, traffic: KeyPath<Series, CardTraffic> & Sendable)] = [
        ("placed", \.placed), ("taken out", \.removed), ("others in their places", \.replaced),
    ]

    /// How much of the wire what is needed takes, at the clock where that is less.
    private func bar(_ what: String, _ traffic: [CardTraffic]) -> Bar {
        let shares = zip(Self.clocks, traffic).map { $1.share(hertz: $0) }
        return Bar(
            what: "% of the wire at 20 and 50 MHz, \(what)", limit: 90, isUpper: false, value: shares.min() ?? .nan)
    }

    private func row(_ section: String, _ subject: String, _ value: Int, _ least: Int, _ traffic: CardTraffic) -> Row {
        Row(
            section: section, subject: subject, value: Spread([traffic.perEntry(value)]), unit: "each",
            ratio: Spread([Double(value) / Double(least)]), reference: "the least")
    }

    private func time(_ name: String, _ section: String, _ traffic: CardTraffic, _ clock: UInt64) -> Row {
        Row(
            section: section, subject: "\(name): at \(clock / 1_000_000) MHz",
            value: Spread([traffic.nanoseconds / Double(traffic.entries) / 1e3]), unit: "µs each",
            ratio: Spread([traffic.nanoseconds / traffic.limit(hertz: clock)]), reference: "the least")
    }

    /// The same through a device that carries fewer frames in one go.
    private func coarse(into report: inout Report) throws {
        for (name, limits) in Self.coarseLimits {
            let section = "\(CardRig.rules) exact-match rules, all at a time, \(name)"
            let placed = try Self.clocks.map {
                try Series(.exact, batch: CardRig.rules, .spi(hertz: $0, limits)).placed
            }
            report.rows += zip(Self.clocks, placed).map { time("placed", section, $1, $0) }
            report.bars.append(bar("exact-match, \(CardRig.rules) at a time, \(name)", placed))
        }
    }

    // MARK: A change of policy

    /// As many rules of each kind as a series has, and the stations they lead to, which are told to be elsewhere.
    private struct Policy {
        let rig: CardRig
        let count = CardRig.rules * 2

        init(_ transport: CardRig.Transport) throws {
            rig = try CardRig(transport, stations: 0..<count)
            try rig.offload((0..<CardRig.rules).map { CardRig.megaflow(.exact, $0) })
            try rig.offload((CardRig.rules..<count).map { CardRig.megaflow(.masked, $0) })
        }

        func change(to port: Int) -> [TableUpdate] { rig.moves(0..<count, to: rig.ports[port]) }
    }

    private func policyChange(into report: inout Report) throws {
        let traffic = try Self.clocks.map { clock in
            let policy = try Policy(.spi(hertz: clock, CardRig.usualLimits))
            let updates = policy.change(to: 1)
            var traffic = CardTraffic()
            try traffic.add(policy.rig.card, entries: policy.count) { try policy.rig.move(updates) }
            return traffic
        }
        let first = traffic[0]
        let section = "\(first.entries) rules led to another port"
        report.rows += [
            row(section, "changed: words", first.written, first.needed, first),
            row(section, "changed: bits", first.bits, first.needed * CardTraffic.bitsPerWord, first),
            Row(
                section: section, subject: "changed: reads", value: Spread([first.perEntry(first.reads)]), unit: "each"),
        ]
        report.rows += zip(Self.clocks, traffic).map { time("changed", section, $1, $0) }
        report.bars.append(
            Bar(
                what: "words written to needed, \(section)", limit: 1, isUpper: true,
                value: Double(first.written) / Double(first.needed)))
    }

    // MARK: The processor

    private func processorTime(into report: inout Report) throws {
        var whole: [Double] = []
        var proof: [Double] = []
        var driver: [Double] = []
        var placing: [Double] = []
        var removing: [Double] = []
        var changing: [Double] = []
        var provingChange: [Double] = []
        let rules = (0..<CardRig.rules).map { CardRig.megaflow(.exact, $0) }
        let rig = try CardRig(.instant, stations: 0..<CardRig.rules)
        let policy = try Policy(.instant)
        var placement = rig.placement()
        let changed =
            (0..<CardRig.rules).map { CardRig.megaflow(.exact, $0) }
            + (CardRig.rules..<policy.count).map { CardRig.megaflow(.masked, $0) }
        // The first round warms up.
        for round in 0...rounds {
            let offload = try Self.microseconds(rules.count) { try rig.offload(rules) }
            let prove = try Self.microseconds(rules.count) { try rig.prove(rules) }
            let withdraw = try Self.microseconds(rules.count) { try rig.withdraw(rules) }
            let place = try Self.microseconds(rules.count) { try placement.place(rules) }
            placement.remove(rules)
            let updates = policy.change(to: (round + 1) % 2)
            let change = try Self.microseconds(policy.count) { try policy.rig.move(updates) }
            let proveChange = try Self.microseconds(policy.count) { try policy.rig.prove(changed) }
            if round == 0 { continue }
            whole.append(offload)
            proof.append(prove)
            driver.append(offload - prove)
            placing.append(place)
            removing.append(withdraw)
            changing.append(change)
            provingChange.append(proveChange)
        }
        func row(_ section: String, _ subject: String, _ values: [Double], of all: [Double]? = nil) -> Row {
            Row(
                section: section, subject: subject, value: Spread(values), unit: "µs each",
                ratio: all.map { Spread(zip(values, $0).map { $0 / $1 }) }, reference: all == nil ? nil : "it all")
        }
        let section = "Time of the processor, \(CardRig.rules) exact-match rules"
        let moving = "Time of the processor, \(policy.count) rules led to another port"
        report.rows += [
            row(section, "placed", whole), row(section, "of it the proof", proof, of: whole),
            row(section, "of it the driver", driver, of: whole),
            row(section, "of that place and plan", placing, of: whole), row(section, "taken out", removing),
            row(moving, "changed", changing), row(moving, "of it the proof", provingChange, of: changing),
        ]
        report.bars += [
            Bar(what: "µs a rule placed, the driver alone", limit: 2, isUpper: true, value: Spread(driver).median),
            Bar(what: "µs a rule taken out", limit: 2, isUpper: true, value: Spread(removing).median),
        ]
    }

    /// Time of this thread on a processor for each of so many: what others do there is not in it.
    private static func microseconds(_ count: Int, _ body: () throws -> Void) rethrows -> Double {
        let begin = now()
        try body()
        return (now() - begin) / Double(count) / 1e3
    }

    private static func now() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
    }
}
