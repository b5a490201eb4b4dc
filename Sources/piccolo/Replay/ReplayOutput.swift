// SPDX-License-Identifier: Apache-2.0
import Comparison
import Northbound
import Packet
import Tables

/// What `replay` prints of a packet and of a capture.
struct ReplayOutput {
    var json: Bool
    var summaryOnly: Bool
    var portNames: [PortID: String]
    /// Packets by what became of them, in the first data plane.
    private(set) var counts: [Outcome: Int] = [:]
    private(set) var differences = 0

    struct Outcome: Hashable {
        var disposition: Disposition
        var reason: Reason
    }

    init(json: Bool, summaryOnly: Bool, ports: [(name: String, id: PortID)]) {
        (self.json, self.summaryOnly) = (json, summaryOnly)
        portNames = Dictionary(ports.map { ($0.id, $0.name) }) { first, _ in first }
    }

    mutating func add(_ packet: ReplayedPacket, path: String) {
        differences += packet.differences.count
        if let verdict = packet.verdicts.first?.verdict {
            counts[Outcome(disposition: verdict.disposition, reason: verdict.reason), default: 0] += 1
        }
        if summaryOnly, packet.differences.isEmpty { return }
        Terminal.out(json ? value(packet, path: path).line : lines(packet).joined(separator: "\n"))
    }

    func add(_ capture: ReplayedCapture) {
        if json {
            Terminal.out(value(capture).line)
            return
        }
        var parts = ["\(capture.packets) packets"]
        if capture.cutPackets > 0 { parts.append("\(capture.cutPackets) cut short when captured") }
        if capture.skipped > 0 { parts.append("\(capture.skipped) not put through") }
        parts.append("\(capture.differences) difference\(capture.differences == 1 ? "" : "s")")
        Terminal.out("\(capture.path): \(parts.joined(separator: ", "))")
        if let damage = capture.damage { Terminal.error("piccolo: \(capture.path): \(damage); read up to there") }
    }

    /// Differences in counters, after all captures.
    mutating func add(counters: [Difference]) {
        differences += counters.count
        if json {
            let list = JSONValue.array(counters.map { .string($0.description) })
            Terminal.out(JSONValue.object(["type": "counters", "differences": list]).line)
        } else {
            for difference in counters { Terminal.out("  DIFFERENCE \(difference)") }
        }
    }

    /// Packets by verdict over all captures.
    func totals() {
        guard !json, !counts.isEmpty else { return }
        var table = TextTable([.left("DISPOSITION"), .left("REASON"), .right("PACKETS")])
        for (outcome, count) in counts.sorted(by: {
            ($1.value, $0.key.reason.rawValue, $0.key.disposition.rawValue)
                < ($0.value, $1.key.reason.rawValue, $1.key.disposition.rawValue)
        }) {
            table.add(["\(outcome.disposition)", outcome.reason.name, "\(count)"])
        }
        Terminal.out(([""] + table.lines()).joined(separator: "\n"))
    }

    private func name(_ port: PortID) -> String { portNames[port] ?? "\(port.rawValue)" }

    func text(_ verdict: PacketVerdict?) -> String {
        guard let verdict else { return "cannot be put through" }
        var text = "\(verdict.disposition) \(verdict.reason.name)"
        if let port = verdict.egressPort { text += " to \(name(port))" }
        if let vlan = verdict.floodVLAN { text += " in VLAN \(vlan.rawValue)" }
        if verdict.mirrored { text += ", mirrored" }
        return text
    }

    private func lines(_ packet: ReplayedPacket) -> [String] {
        let number = String(packet.number)
        let head =
            String(repeating: " ", count: max(0, 7 - number.count)) + "\(number)  \(packet.capturedLength) bytes  "
        if let skipped = packet.skipped { return [head + "not put through: \(skipped)"] }
        if packet.differences.isEmpty { return [head + text(packet.verdicts.first?.verdict)] }
        return [head + packet.verdicts.map { "\($0.plane): \(text($0.verdict))" }.joined(separator: "; ")]
            + packet.differences.map { "  DIFFERENCE \($0)" }
    }

    private func value(_ verdict: PacketVerdict?) -> JSONValue {
        guard let verdict else { return .null }
        return .object([
            "disposition": .string("\(verdict.disposition)"),
            "reason": .string(verdict.reason.name),
            "egress_port": verdict.egressPort.map { .string(name($0)) } ?? .null,
            "flood_vlan": verdict.floodVLAN.map { .integer(Int64($0.rawValue)) } ?? .null,
            "mirrored": .bool(verdict.mirrored),
            "output": .string(verdict.output.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()),
        ])
    }

    private func value(_ packet: ReplayedPacket, path: String) -> JSONValue {
        .object([
            "type": "packet",
            "capture": .string(path),
            "number": .count(packet.number),
            "time_ns": .unsigned(packet.timestamp),
            "length": .count(packet.originalLength),
            "captured": .count(packet.capturedLength),
            "skipped": packet.skipped.map { .string($0) } ?? .null,
            "verdicts": .object(packet.verdicts.map { JSONMember($0.plane, value($0.verdict)) }),
            "differences": .array(packet.differences.map { .string($0.description) }),
        ])
    }

    private func value(_ capture: ReplayedCapture) -> JSONValue {
        .object([
            "type": "summary",
            "capture": .string(capture.path),
            "packets": .count(capture.packets),
            "cut_packets": .count(capture.cutPackets),
            "skipped": .count(capture.skipped),
            "damage": capture.damage.map { .string($0) } ?? .null,
            "differences": .count(capture.differences),
        ])
    }
}
