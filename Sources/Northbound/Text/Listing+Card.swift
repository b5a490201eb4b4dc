// SPDX-License-Identifier: Apache-2.0

extension Listing {
    /// Lines of `status` about the card.
    static func card(_ card: CardReport) -> [String] {
        let tables = card.tables.map { "\($0.name) \($0.used)/\($0.capacity)" }.joined(separator: ", ")
        var lines = Paragraph.lines(
            "\(card.name): \(tables); \(card.packets) packets", first: label("card"), rest: label(""))
        let left = "left: cold \(card.cold), replaced \(card.replaced), overtaken \(card.overtaken)"
        let refused = card.refused.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
        lines += Paragraph.lines(
            "rules placed \(card.placed), \(left)" + (refused.isEmpty ? "" : "; refused: \(refused)"),
            first: label(""), rest: label(""))
        for line in byPlace(card.counts.map { ($0.port, $0.what, $0.packets) }) {
            lines += Paragraph.lines(line, first: label(""), rest: label(""))
        }
        if !card.problem.isEmpty {
            lines += Paragraph.lines("not in use: \(card.problem)", first: label(""), rest: label(""))
        }
        return lines
    }

    /// A line for each port of the card behind its CPU port, and one for frames that belong to none.
    static func cpuPort(_ counts: [CPUPortCount]) -> [String] {
        var lines: [String] = []
        for line in byPlace(counts.map { ($0.port ?? "no port", $0.what, $0.counter.packets) }) {
            lines += Paragraph.lines(line, first: label(lines.isEmpty ? "cpu port" : ""), rest: label(""))
        }
        return lines
    }

    /// `rt0: received 7, dropped_runt 1`, in the order of the counts.
    public static func byPlace(_ counts: [(place: String, what: String, packets: UInt64)]) -> [String] {
        var places: [String] = []
        for count in counts where !places.contains(count.place) { places.append(count.place) }
        return places.map { place in
            "\(place): "
                + counts.filter { $0.place == place }.map { "\($0.what) \($0.packets)" }.joined(separator: ", ")
        }
    }

    static func json(_ count: CPUPortCount) -> JSONValue {
        .object([
            "port": count.port.map { .string($0) } ?? .null, "what": .string(count.what),
            "packets": .unsigned(count.counter.packets), "bytes": .unsigned(count.counter.bytes),
        ])
    }

    /// What the card is not said to have complained of any more.
    public static func acknowledged(_ forgotten: [String]) -> Listing {
        Listing(
            lines: forgotten.isEmpty ? ["there was nothing to forget"] : forgotten.map { "forgotten: \($0)" },
            json: .object(["forgotten": .array(forgotten.map { .string($0) })]))
    }

    static func json(_ card: CardReport) -> JSONValue {
        .object([
            "name": .string(card.name),
            "problem": card.problem.isEmpty ? .null : .string(card.problem),
            "tables": .array(
                card.tables.map { table in
                    .object([
                        "name": .string(table.name), "capacity": .count(table.capacity), "used": .count(table.used),
                    ])
                }),
            "packets": .unsigned(card.packets),
            "placed": .unsigned(card.placed),
            "cold": .unsigned(card.cold),
            "replaced": .unsigned(card.replaced),
            "overtaken": .unsigned(card.overtaken),
            "refused": .object(
                card.refused.sorted { $0.key < $1.key }.map { JSONMember($0.key, .unsigned($0.value)) }),
            "ports": .array(
                card.counts.map {
                    .object(["port": .string($0.port), "what": .string($0.what), "packets": .unsigned($0.packets)])
                }),
        ])
    }
}
