// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

/// What `piccolo watch` shows: the difference between two statistics.
public struct WatchView: Sendable {
    /// A number that grew, per second.
    struct Rate: Hashable, Sendable {
        var packets: Double = 0
        var bytes: Double = 0
    }

    let seconds: Double
    /// Received, by port.
    private(set) var ports: [PortID: Rate] = [:]
    private(set) var total = Rate()
    /// Packets of the interval by disposition.
    private(set) var dispositions: [Disposition: UInt64] = [:]
    /// Packets of the interval that were dropped, by reason, most first.
    private(set) var drops: [(reason: Reason, packets: UInt64)] = []
    /// Packets of the interval that took the kernel's stack, by reason, most first.
    private(set) var punts: [(reason: Reason, packets: UInt64)] = []
    private let current: NodeStatistics
    private let previous: NodeStatistics?

    /// - Parameter previous: nil for the first view; all rates are 0 then.
    public init(previous: NodeStatistics?, current: NodeStatistics) {
        (self.previous, self.current) = (previous, current)
        let before = previous ?? current
        seconds = Double(current.timeNanoseconds &- before.timeNanoseconds) / 1e9
        struct Slot: Hashable { var port: PortID, disposition: Disposition, reason: Reason }
        var old: [Slot: Counter] = [:]
        for verdict in before.verdicts {
            old[Slot(port: verdict.port, disposition: verdict.disposition, reason: verdict.reason)] = verdict.counter
        }
        var dropped: [Reason: UInt64] = [:]
        var punted: [Reason: UInt64] = [:]
        for verdict in current.verdicts {
            let slot = Slot(port: verdict.port, disposition: verdict.disposition, reason: verdict.reason)
            // A daemon that was started anew begins at zero.
            let packets = Self.growth(verdict.counter.packets, old[slot]?.packets ?? 0)
            let bytes = Self.growth(verdict.counter.bytes, old[slot]?.bytes ?? 0)
            dispositions[verdict.disposition, default: 0] += packets
            if verdict.disposition == .drop { dropped[verdict.reason, default: 0] += packets }
            if verdict.disposition == .kernel { punted[verdict.reason, default: 0] += packets }
            guard seconds > 0 else { continue }
            ports[verdict.port, default: Rate()].packets += Double(packets) / seconds
            ports[verdict.port, default: Rate()].bytes += Double(bytes) / seconds
            total.packets += Double(packets) / seconds
            total.bytes += Double(bytes) / seconds
        }
        drops = Self.ranked(dropped)
        punts = Self.ranked(punted)
    }

    private static func growth(_ now: UInt64, _ then: UInt64) -> UInt64 { now >= then ? now - then : now }

    private static func ranked(_ counts: [Reason: UInt64]) -> [(reason: Reason, packets: UInt64)] {
        counts.filter { $0.value > 0 }
            .sorted { ($1.value, $0.key.rawValue) < ($0.value, $1.key.rawValue) }
            .map { (reason: $0.key, packets: $0.value) }
    }

    private var packets: UInt64 { dispositions.values.reduce(0, +) }
    /// Share of the packets that the data plane decided itself.
    private var fastShare: String {
        Quantity.percent(packets - (dispositions[.kernel] ?? 0), of: packets)
    }

    private func perSecond(_ total: KeyPath<FlowTotals, UInt64>) -> Double {
        guard let previous, seconds > 0 else { return 0 }
        return Double(Self.growth(current.flows[keyPath: total], previous.flows[keyPath: total])) / seconds
    }

    private var flowCache: TableReport? { current.tables.first { $0.table == .flowCache } }

    /// One line for an interval, for logs and pipes.
    public func line(names: Directory) -> String {
        let drop = drops.first.map { " top_drop=\($0.reason.name):\($0.packets)" } ?? ""
        let fill = flowCache.map { " flows=\($0.used)/\($0.capacity)" } ?? ""
        return "rx=\(Quantity.short(total.packets))pps rx_bits=\(Quantity.short(total.bytes * 8))bps "
            + "fast=\(fastShare) drop=\(dispositions[.drop] ?? 0) kernel=\(dispositions[.kernel] ?? 0)"
            + "\(fill) new_flows=\(Quantity.short(perSecond(\.installed)))/s"
            + " events_lost=\(current.events.lost)\(drop)"
    }

    /// One line of JSON for an interval.
    public func json(names: Directory) -> JSONValue {
        func reasons(_ list: [(reason: Reason, packets: UInt64)]) -> JSONValue {
            .object(list.map { JSONMember($0.reason.name, .unsigned($0.packets)) })
        }
        return .object([
            "time_ns": .unsigned(current.timeNanoseconds),
            "seconds": .number(seconds),
            "packets_per_second": .number(total.packets),
            "bytes_per_second": .number(total.bytes),
            "ports": .object(
                ports.sorted { $0.key < $1.key }.map { port, rate in
                    JSONMember(
                        names.name(of: port),
                        .object([
                            "packets_per_second": .number(rate.packets), "bytes_per_second": .number(rate.bytes),
                        ]))
                }),
            "dispositions": .object(
                Disposition.allCases.map { JSONMember("\($0)", .unsigned(dispositions[$0] ?? 0)) }),
            "drop_reasons": reasons(drops),
            "kernel_reasons": reasons(punts),
            "flows_per_second": .number(perSecond(\.installed)),
            "tables": .array(current.tables.map(Listing.json)),
            "events_lost": .unsigned(current.events.lost),
        ])
    }

    /// The page a terminal shows, at most 100 columns.
    public func page(names: Directory, style: TerminalStyle = .plain) -> [String] {
        var lines = [
            "\(style.bold("received")) \(Quantity.short(total.packets)) packets/s, \(Quantity.short(total.bytes * 8))bit/s"
                + "   \(style.bold("decided in the fast path")) \(fastShare)"
                + "   \(style.bold("new flows")) \(Quantity.short(perSecond(\.installed)))/s",
            "",
        ]
        var portTable = TextTable([
            .left("PORT"), .right("PACKETS/S"), .right("BIT/S"), .left("SHARE"),
        ])
        for port in Set(names.portNames.keys).union(ports.keys).sorted() {
            let rate = ports[port] ?? Rate()
            let share = total.packets > 0 ? rate.packets / total.packets : 0
            portTable.add([
                names.name(of: port), Quantity.short(rate.packets), Quantity.short(rate.bytes * 8), Self.bar(share),
            ])
        }
        lines += headed(portTable, style)
        lines += section("dropped", drops, style.red)
        lines += section("to the kernel", punts, style.yellow)
        var fill = TextTable([.left("TABLE"), .right("USED"), .right("CAPACITY"), .left("FILL")])
        for table in current.tables where table.used > 0 {
            let share = table.capacity > 0 ? Double(table.used) / Double(table.capacity) : 0
            fill.add([table.table.rawValue, "\(table.used)", "\(table.capacity)", Self.bar(share)])
        }
        if !fill.rows.isEmpty { lines += [""] + headed(fill, style) }
        let flows = current.flows
        lines += [
            "",
            "flows   \(flows.installed) installed, \(flows.aged) aged, \(flows.evicted) evicted, \(flows.refused) refused"
                + ", \(flows.rejected) rejected",
            "events  \(current.events.sent) sent, \(current.events.repeated) repeated, \(current.events.lost) lost",
        ]
        return lines
    }

    private func headed(_ table: TextTable, _ style: TerminalStyle) -> [String] {
        var lines = table.lines()
        lines[0] = style.bold(lines[0])
        return lines
    }

    private func section(
        _ title: String, _ reasons: [(reason: Reason, packets: UInt64)], _ color: (String) -> String
    ) -> [String] {
        guard !reasons.isEmpty, seconds > 0 else { return [] }
        let listed = reasons.prefix(5).map { "\($0.reason.name) \(Quantity.short(Double($0.packets) / seconds))/s" }
        return ["", "\(color(title))  \(listed.joined(separator: ", "))"]
    }

    static func bar(_ share: Double) -> String {
        let width = 20
        let filled = min(width, max(0, Int((share * Double(width)).rounded())))
        return String(repeating: "█", count: filled) + String(repeating: "·", count: width - filled)
            + " \(Quantity.fixed(share * 100, digits: 1))%"
    }
}

/// Escape sequences of ECMA-48, or none.
public struct TerminalStyle: Sendable {
    public static let plain = TerminalStyle(colored: false)
    public static let colored = TerminalStyle(colored: true)
    private let colored: Bool

    private func wrap(_ code: String, _ text: String) -> String { colored ? "\u{1b}[\(code)m\(text)\u{1b}[0m" : text }
    public func bold(_ text: String) -> String { wrap("1", text) }
    public func red(_ text: String) -> String { wrap("31", text) }
    public func yellow(_ text: String) -> String { wrap("33", text) }
    public func dim(_ text: String) -> String { wrap("2", text) }
}
