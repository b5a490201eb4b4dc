// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Controller
import FlowEngineDriver
import FlowEngineRegisters
import Glibc
import Northbound
import Store
import Tables

/// The card's tables cannot be read: what stands in them is told by the shadow in the node's memory.
struct CardShadowOptions: ParsableArguments {
    @OptionGroup var state: StateOption
    @Option(
        help: ArgumentHelp(
            "The board the shadow is of: \(CardProfile.allCases.map(\.rawValue).joined(separator: ", ")). By default the "
                + "configuration's.",
            valueName: "board"))
    var board: CardProfile?
    @Option(help: ArgumentHelp("Key sets of its flow cache; by default the board's.", valueName: "revision"))
    var hashRevision: Int?

    /// The shadow, and the empty book of a card that can do all that such a card can.
    func read() throws -> (shadow: CardShadow, book: RuleBook, names: [PortID: String]) {
        if let hashRevision, !FlowCacheLayouts.hashRevisions.contains(hashRevision) {
            throw ValidationError(
                "hash revision \(hashRevision) is not known; known are \(FlowCacheLayouts.hashRevisions.map(String.init).joined(separator: ", "))"
            )
        }
        let memory = try Memory(directory: state.stateDir)
        let file = memory.node.configuration.flatMap { try? ConfigurationFile(text: $0.text, path: $0.path) }
        let configuration = file?.configuration ?? Configuration()
        let numbers = memory.node.identities.portNumbers(of: configuration)
        var ports: [PortID: Int] = [:]
        for port in configuration.card?.ports ?? [] {
            if let number = numbers[port.name.value] { ports[number] = port.physical }
        }
        let profile = board ?? configuration.card.map(CardFront.profile(of:)) ?? .realTimeHAT
        let quirks = CardFront.quirks(configuration.card?.quirks ?? .init(), profile)
        let revision = hashRevision ?? configuration.card?.hashRevision ?? (profile == .realTimeHAT ? 9 : 12)
        guard let keys = CardKeys(hashRevision: revision, quirks) else {
            throw CommandFailure(message: "the configuration's hash revision \(revision) is not known")
        }
        let names = Dictionary(numbers.map { ($0.value, $0.key) }) { first, _ in first }
        return (CardShadow(memory.node), RuleBook(keys: keys, quirks: quirks, ports: CardPorts(ports)), names)
    }
}

struct CardTablesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tables", abstract: "The rules on the card, as the node's memory has them.",
        discussion: "Works beside a running node, and needs no card: its tables can only be written.")
    @OptionGroup var shadow: CardShadowOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        let (shadow, book, names) = try shadow.read()
        Terminal.out(.rules(shadow.entries(in: book), names, width: output.width), json: output.json)
    }
}

struct CardAuditCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit",
        abstract: "Prove the card's tables: a frame for each rule, and whether it goes where the rule says.",
        discussion: """
            Tables of the card cannot be read. For each rule in the node's memory a frame is made that this rule matches and no other, sent \
            into the card, and what comes out is compared. Rules count these frames too. A simulated card (--socket) is given them in its \
            process, and its tables are compared word by word as well. A real one is reached by the interfaces of this host that its \
            ports are cabled to (--wire, once for each port): a rule is tried if the ports it reads and writes are among them.
            """)
    @OptionGroup var shadow: CardShadowOptions
    @Option(help: ArgumentHelp("The simulated card's socket.", valueName: "path"), completion: .file())
    var socket: String?
    @Option(
        name: .customLong("wire"),
        help: ArgumentHelp(
            "A port of the card and the interface that is cabled to it, as 0=eth1.", valueName: "port=interface"))
    var wires: [WireArgument] = []
    @Option(help: ArgumentHelp("How long to wait for a frame on a wire.", valueName: "milliseconds"))
    var patience = 200
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard (socket == nil) != wires.isEmpty else {
            throw ValidationError(
                "say how the card is reached: --socket of a simulated one, or --wire for each cabled port")
        }
        if let host = wires.first(where: { $0.port == nil }) {
            throw ValidationError("--wire needs a number before \(host.interface): frames for the host are the node's")
        }
        guard (1...60_000).contains(patience) else {
            throw ValidationError("--patience must be 1 to 60000, not \(patience)")
        }
    }

    func run() throws {
        let (shadow, book, _) = try shadow.read()
        let report: AuditReport
        do {
            if let socket {
                report = try simulated(shadow, book, socket)
            } else {
                report = try wired(shadow, book)
            }
        } catch let error as CardSocketError {
            throw CommandFailure(message: "\(error)")
        }
        Terminal.out(.audit(report, width: output.width), json: output.json)
        if !report.isGood { throw CommandFailure(message: nil) }
    }

    private func simulated(_ shadow: CardShadow, _ book: RuleBook, _ path: String) throws -> AuditReport {
        let audit = CardAudit(shadow, book: book, ports: book.ports.all.compactMap { book.ports.number(of: $0) })
        var client = try SimulatedCardClient(path: path)
        var results: [AuditResult] = []
        for probe in audit.probes {
            results.append(AuditResult(probe, try client.send(probe.frame, at: .port(probe.port))))
        }
        var differences: [String] = []
        for attempt in 0..<Self.attempts {
            if attempt > 0 { usleep(100_000) }
            let before = try self.shadow.read().shadow
            let compared = try ShadowComparison(before, book: book) { (table) throws(CardSocketError) in
                try client.words(of: table)
            }
            differences = compared.differences
            // A node that runs beside may have changed both in between.
            if differences.isEmpty, try self.shadow.read().shadow.records == before.records { break }
        }
        return AuditReport(results: results, skipped: audit.skipped, differences: differences)
    }

    /// Comparisons until a difference is believed.
    private static let attempts = 10

    private func wired(_ shadow: CardShadow, _ book: RuleBook) throws -> AuditReport {
        let known = book.ports.all.compactMap { book.ports.number(of: $0) }.sorted()
        for wire in wires {
            guard let port = wire.port, !known.contains(port) else { continue }
            throw CommandFailure(
                message: "--wire \(port)=\(wire.interface): the card's ports in the configuration are "
                    + known.map(String.init).joined(separator: ", "))
        }
        let wires = try CardWires(wires)
        let audit = CardAudit(shadow, book: book, ports: wires.ports)
        var report = AuditReport(results: [], skipped: audit.skipped, differences: nil)
        for var probe in audit.probes {
            if case .output(let port) = probe.expected, !wires.ports.contains(port) {
                let why = "no wire was named for port \(port), by which it sends"
                report.skipped.append(.init(place: probe.place, rule: probe.rule, why: why))
                continue
            }
            // Behind all that a card looks at: who else sends what the rule is for is told from it by that.
            probe.frame += (0..<CardWires.mark).map { _ in UInt8.random(in: 0 ... .max) }
            report.results.append(AuditResult(probe, try wires.send(probe.frame, into: probe.port, patience)))
        }
        return report
    }
}

/// What an audit found.
struct AuditReport {
    var results: [AuditResult]
    var skipped: [CardAudit.Skipped]
    /// Of tables, word by word; nil: they could not be read.
    var differences: [String]?

    /// Nothing is proven where nothing could be tried.
    var isGood: Bool {
        results.allSatisfy(\.isRight) && !(results.isEmpty && !skipped.isEmpty) && differences?.isEmpty ?? true
    }
}

/// What a rule did with the frame made for it.
struct AuditResult {
    var rule: String
    var expected: CardAction
    var found: String
    var isRight: Bool

    init(_ probe: CardAudit.Probe, _ emissions: [SimulatedCardClient.Emission]) {
        (rule, expected) = (probe.rule, probe.expected)
        let places = emissions.map { "\($0.place)" + ($0.frame == probe.frame ? "" : ", changed") }
        found = places.isEmpty ? "nothing" : places.joined(separator: "; ")
        switch probe.expected {
        case .drop: isRight = emissions.isEmpty
        case .output(let port): isRight = emissions == [.init(.port(port), probe.frame)]
        }
    }
}

extension Listing {
    static func rules(_ entries: [ShadowEntry], _ names: [PortID: String], width: Int?) -> Listing {
        var table = TextTable([.left("PLACE"), .left("STATE"), .left("MATCH"), .left("ACTION"), .right("ACTION ID")])
        for entry in entries {
            table.add([
                entry.text, entry.state.rawValue, entry.rule.map { $0.megaflow.text(names) } ?? "",
                entry.rule.map { $0.decision.text(names) } ?? "", entry.rule.map { "\($0.action)" } ?? "",
            ])
        }
        return Listing(
            lines: entries.isEmpty ? ["no rules"] : table.lines(width: width),
            json: .array(
                entries.map { entry in
                    .object([
                        "place": .string(entry.text), "state": .string(entry.state.rawValue),
                        "match": entry.rule.map { .string($0.megaflow.text(names)) } ?? .null,
                        "action": entry.rule.map { .string($0.decision.text(names)) } ?? .null,
                        "action_id": entry.rule.map { .count($0.action) } ?? .null,
                    ])
                }))
    }

    static func audit(_ report: AuditReport, width: Int?) -> Listing {
        let (results, skipped) = (report.results, report.skipped)
        let wrong = results.count { !$0.isRight }
        var lines = ["\(results.count) rules tried, \(wrong) wrong, \(skipped.count) not tried"]
        if let differences = report.differences {
            lines.append(
                differences.isEmpty
                    ? "its tables hold what the memory has, word by word"
                    : "\(differences.count) differences between its tables and the memory")
            for difference in differences {
                lines += Paragraph.lines(difference, first: "differs    ", rest: "           ")
            }
        }
        var table = TextTable([.left("RULE"), .left("EXPECTED"), .left("FOUND")])
        for result in results where !result.isRight {
            table.add([result.rule, "\(result.expected)", result.found])
        }
        if wrong > 0 { lines += table.lines(width: width) }
        for rule in skipped {
            lines += Paragraph.lines("\(rule.rule): \(rule.why)", first: "not tried  ", rest: "           ")
        }
        return Listing(
            lines: lines,
            json: .object([
                "tried": .count(results.count), "wrong": .count(wrong),
                "rules": .array(
                    results.map {
                        .object([
                            "rule": .string($0.rule), "expected": .string("\($0.expected)"), "found": .string($0.found),
                            "ok": .bool($0.isRight),
                        ])
                    }),
                "not_tried": .array(
                    skipped.map { .object(["rule": .string($0.rule), "why": .string($0.why)]) }),
                "differences": report.differences.map { .array($0.map { .string($0) }) } ?? .null,
            ]))
    }
}

extension OffloadDecision {
    func text(_ names: [PortID: String]) -> String {
        switch self {
        case .drop: "drop"
        case .forward(let port): "forward \(names[port] ?? "\(port.rawValue)")"
        }
    }
}

extension Megaflow {
    /// `port p1, vlan 10, destination_mac 02:00:00:00:00:01`
    func text(_ names: [PortID: String]) -> String {
        var parts: [String] = []
        if let port = ingressPort { parts.append("port \(names[port] ?? "\(port.rawValue)")") }
        if let vlan { parts.append(vlan == .untagged ? "untagged" : "vlan \(vlan.rawValue)") }
        if let vlanPriority { parts.append("priority \(vlanPriority)") }
        if let sourceMAC { parts.append("source_mac \(sourceMAC)") }
        if let destinationMAC { parts.append("destination_mac \(destinationMAC)") }
        if let etherType { parts.append("ethertype 0x\(String(etherType, radix: 16))") }
        if let ipv4Source { parts.append("source \(ipv4Source)") }
        if let ipv4Destination { parts.append("destination \(ipv4Destination)") }
        if let ipProtocol { parts.append("protocol \(ipProtocol)") }
        if let dscp { parts.append("dscp \(dscp)") }
        if let sourcePort { parts.append("source_port \(sourcePort)") }
        if let destinationPort { parts.append("destination_port \(destinationPort)") }
        return parts.isEmpty ? "all frames" : parts.joined(separator: ", ")
    }
}
