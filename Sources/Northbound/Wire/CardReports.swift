// SPDX-License-Identifier: Apache-2.0
#if Northbound
import PiccoloProto
import Tables

extension CardReport {
    var wire: Piccolo_V1_CardReport {
        .with {
            ($0.name, $0.problem, $0.packets) = (name, problem, packets)
            $0.tables = tables.map { table in
                .with {
                    $0.name = table.name
                    ($0.capacity, $0.used) = (UInt64(clamping: table.capacity), UInt64(clamping: table.used))
                }
            }
            ($0.placed, $0.cold, $0.replaced, $0.overtaken) = (placed, cold, replaced, overtaken)
            $0.refused = refused.sorted { $0.key < $1.key }.map { reason, count in
                .with { ($0.reason, $0.count) = (reason, count) }
            }
            $0.counts = counts.map { count in
                .with { ($0.port, $0.what, $0.packets) = (count.port, count.what, count.packets) }
            }
        }
    }

    init(_ wire: Piccolo_V1_CardReport) {
        self.init(
            name: wire.name, problem: wire.problem,
            tables: wire.tables.map {
                Table(name: $0.name, capacity: Int(clamping: $0.capacity), used: Int(clamping: $0.used))
            }, packets: wire.packets, placed: wire.placed, cold: wire.cold, replaced: wire.replaced,
            overtaken: wire.overtaken,
            refused: Dictionary(wire.refused.map { ($0.reason, $0.count) }) { first, _ in first },
            counts: wire.counts.map { PortCount(port: $0.port, what: $0.what, packets: $0.packets) })
    }
}

extension CPUPortCount {
    var wire: Piccolo_V1_CpuPortCount {
        .with { ($0.port, $0.what, $0.counter) = (port ?? "", what, counter.wire) }
    }

    init(_ wire: Piccolo_V1_CpuPortCount) {
        self.init(port: wire.port.isEmpty ? nil : wire.port, what: wire.what, counter: Counter(wire.counter))
    }
}
#endif
