// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Controller
import FlowEngineDriver
import FlowEngineRegisters
import Northbound
import Store
import Tables

/// The card's tables cannot be read: what stands in them is told by the shadow in the node's memory.
struct CardShadowOptions: ParsableArguments {
    @OptionGroup var state: StateOption
    @Option(
        help: ArgumentHelp(
            "The board the shadow is of: \(CardProfile.allCases.map(\.rawValue).joined(separator: ", ")). By default what the "
                + "configuration's bus leads to.",
            valueName: "board"))
    var board: CardProfile?
    @Option(help: ArgumentHelp("Key sets of its flow cache; by default the board's.", valueName: "revision"))
    var hashRevision: Int?

    /// The shadow, and the empty book of a card that can do all that such a card can.
    func read() throws -> (shadow: CardShadow, book: RuleBook, names: [PortID: String]) {
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
            throw ValidationError(
                "hash revision \(revision) is not known; known are \(FlowCacheLayouts.hashRevisions.map(String.init).joined(separator: ", "))"
            )
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
            Tables of the card cannot be read. For each rule in the node's memory a frame is made that this rule matches and no other, put \
            into a port of a simulated card, and what comes out is compared. Rules count these frames too. A real card would need a port \
            that is looped back to the host; that is not built.
            """)
    @OptionGroup var shadow: CardShadowOptions
    @Option(help: ArgumentHelp("The simulated card's socket.", valueName: "path"), completion: .file())
    var socket: String
    @OptionGroup var output: OutputOptions

    func run() throws {
        let (shadow, book, _) = try shadow.read()
        let ports = book.ports.all.compactMap { book.ports.number(of: $0) }
        let audit = CardAudit(shadow, book: book, ports: ports)
        let results: [AuditResult]
        do { results = try Self.send(audit.probes, to: socket) } catch { throw CommandFailure(message: "\(error)") }
        Terminal.out(.audit(results, skipped: audit.skipped, width: output.width), json: output.json)
        // Nothing is proven where nothing could be tried.
        if results.contains(where: { !$0.isRight }) || (results.isEmpty && !audit.skipped.isEmpty) {
            throw CommandFailure(message: nil)
        }
    }
}

extension CardAuditCommand {
    private static func send(_ probes: [CardAudit.Probe], to path: String) throws(CardSocketError) -> [AuditResult] {
        var client = try SimulatedCardClient(path: path)
        var results: [AuditResult] = []
        for probe in probes {
            results.append(AuditResult(probe, try client.send(probe.frame, at: .port(probe.port))))
        }
        return results
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
        found = places.isEmpty ? "dropped" : places.joined(separator: "; ")
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

    static func audit(_ results: [AuditResult], skipped: [CardAudit.Skipped], width: Int?) -> Listing {
        let wrong = results.count { !$0.isRight }
        var lines = ["\(results.count) rules tried, \(wrong) wrong, \(skipped.count) not tried"]
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
