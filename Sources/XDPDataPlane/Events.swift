// SPDX-License-Identifier: Apache-2.0
import BPF
import CFastPath
import Packet
import Tables

// What the programs report: misses through one ring, packets through another, so that packets cannot push out misses.
extension XDPDataPlane {
    /// To wait on with poll(2) or epoll(7): readable while there are events.
    public var eventFileDescriptors: [Int32] { [eventRing.fileDescriptor, packetRing.fileDescriptor] }

    public func pollEvents(maximum: Int, _ body: (borrowing DataPlaneEvent) -> Void) -> Int {
        // Who writes a policy advances the generation, if it has to be advanced, before asking what has happened since.
        closePolicy()
        var count = eventRing.consume(maximum: maximum) { bytes in
            if let event = Self.event(bytes) { body(event) }
        }
        if count < maximum {
            count += packetRing.consume(maximum: maximum - count) { bytes in
                if let event = Self.event(bytes) { body(event) }
            }
        }
        return count
    }

    /// A record of either ring (`struct fp_event`); nil for one this version does not know.
    static func event(_ bytes: UnsafeRawBufferPointer) -> DataPlaneEvent? {
        guard bytes.count >= MemoryLayout<fp_event>.size else { return nil }
        let record = bytes.loadUnaligned(as: fp_event.self)
        let port = PortID(rawValue: record.port)
        switch UInt32(record.type) {
        case FP_EVENT_FLOW_MISS.rawValue:
            let k = record.key
            return .flowMiss(
                FlowMiss(
                    key: record.family == 4 ? KeyWords.flow4(k.0, k.4) : KeyWords.flow6(k.0, k.1, k.2, k.3, k.4),
                    port: port, length: record.length, time: record.time,
                    disposition: Disposition(rawValue: record.disposition) ?? .drop,
                    reason: Reason(rawValue: record.reason) ?? .none))
        case FP_EVENT_MAC_MISS.rawValue:
            return .macMiss(vlan: VLANID(rawValue: record.vlan), mac: MACAddress(rawValue: record.key.0), port: port)
        case FP_EVENT_PACKET_IN.rawValue:
            let start = MemoryLayout<fp_event>.stride
            let captured = min(Int(record.captured), bytes.count - start)
            return .packetIn(
                port: port, reason: Reason(rawValue: record.reason) ?? .none, mirror: record.mirror != 0,
                length: Int(record.length), bytes: Array(bytes[start..<start + captured]))
        default:
            return nil
        }
    }

    public func verdictCounters() -> [VerdictCounter] {
        var sums: [VerdictCounter] = []
        do {
            let map = try fastPath.map("verdicts", key: UInt32.self, value: fp_counter.self)
            for port in countedPorts {
                for disposition in Disposition.allCases {
                    for reason in Reason.allCases {
                        let slot = fp_verdict_slot(UInt32(port), UInt32(disposition.rawValue), UInt32(reason.rawValue))
                        guard let perCPU = try map.lookupPerCPU(slot) else { continue }
                        let counter = perCPU.reduce(into: Counter()) {
                            $0.packets += $1.packets
                            $0.bytes += $1.bytes
                        }
                        guard counter.packets > 0 else { continue }
                        sums.append(
                            VerdictCounter(
                                port: PortID(rawValue: port), disposition: disposition, reason: reason, counter: counter
                            ))
                    }
                }
            }
        } catch {
            complain("reading verdict counters: \(error)")
        }
        return sums
    }

    public func health() -> DataPlaneHealth {
        var health = DataPlaneHealth()
        health.complaints = complaints + (sendWatch?.complaints(attachmentFacts.keys.sorted()) ?? [])
        do {
            let map = try fastPath.map("event_budgets", key: UInt32.self, value: fp_event_budget.self)
            for port in 0..<UInt32(FP_MAX_PORTS) {
                for budget in try map.lookupPerCPU(port) ?? [] {
                    health.eventsSent += budget.sent
                    health.eventsRepeated += budget.repeated
                    health.eventsLost += budget.lost
                }
            }
        } catch {
            health.complaints.append("reading event counters: \(error)")
        }
        return health
    }
}
