// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters

/// The tables whose words the card decodes.
enum TableKind: Int, Hashable, Sendable, CaseIterable {
    case hash, exactRule, collision, maskedRule, tcam, action, overwrite
}

/// Which address belongs to which table's window, and which blocks this card has.
struct TableWindows: Sendable {
    enum Target: Hashable, Sendable {
        case table(TableKind, datapath: Int)
        /// A window whose entries are not public: takes writes, and nothing comes of them.
        case opaque
    }

    private struct Window: Sendable {
        let table: EntryTable
        let target: Target
    }

    /// Index of a window by 16-bit base; 0xff: none.
    private var byBase = Array(repeating: UInt8.max, count: 1 << 16)
    private var windows: [Window] = []

    init(_ map: FlowEngineMap, _ configuration: CardConfiguration) {
        let features = configuration.features
        if features.contains(.flowCache) {
            add(map.action, .table(.action, datapath: 0))
            if features.contains(.exactMatch) {
                add(map.emhHash, .table(.hash, datapath: 0))
                add(map.emhRule, .table(.exactRule, datapath: 0))
            }
            if features.contains(.linearSearch) { add(map.collision, .table(.collision, datapath: 0)) }
            if features.contains(.maskedMatch) {
                add(map.emaRule, .table(.maskedRule, datapath: 0))
                add(map.emaTCAM, .table(.tcam, datapath: 0))
            }
        }
        if features.contains(.txRouter) {
            for (datapath, table) in map.overwrite.prefix(configuration.datapathCount).enumerated() {
                add(table, .table(.overwrite, datapath: datapath))
            }
        }
        add(map.qci1IPV, .opaque)
        if let table = map.vlanStrip { add(table, .opaque) }
        for table in (map.vlanTagging ?? []).prefix(configuration.datapathCount) { add(table, .opaque) }
    }

    private mutating func add(_ table: EntryTable, _ target: Target) {
        let first = Int(table.base.rawValue >> 8)
        let pages = (table.stride * table.count + 255) / 256
        for page in first..<first + pages { byBase[page] = UInt8(windows.count) }
        windows.append(Window(table: table, target: target))
    }

    /// Table, entry and word at an address; nil: no table's window.
    @inline(__always)
    func place(_ address: RegisterAddress) -> (target: Target, entry: Int, word: Int)? {
        let index = byBase[Int(address.rawValue >> 8)]
        guard index != UInt8.max else { return nil }
        let window = windows[Int(index)]
        guard let (entry, word) = window.table.place(of: address) else { return nil }
        return (window.target, entry, word)
    }

    /// Registers of the blocks that this board and bitstream have.
    static func present(_ map: FlowEngineMap, _ configuration: CardConfiguration) -> [RegisterDescription] {
        let features = configuration.features
        return map.registers.filter { description in
            let (block, index) = split(description.block)
            return switch block {
            // 14 and 15 are PCIe.
            case "header_creation": index < configuration.portCount || index >= 14
            case "tas": features.contains(.timeAwareShaper) && index < configuration.portCount
            case "ethernet_switch":
                features.contains(.ethernetSwitch) && index < configuration.datapathCount
            case "rx_statistics", "tx_statistics", "statistics_datapath": index < configuration.datapathCount
            case "flow_cache": features.contains(.flowCache)
            case "traffic_manager": features.contains(.trafficManager)
            case "spi_local": configuration.profile == .realTimeHAT
            default: true
            }
        }
    }

    /// `ethernet_switch1` is number 1 of `ethernet_switch`; a name without a number is its own, number 0.
    private static func split(_ name: String) -> (block: String, index: Int) {
        let digits = String(name.reversed().prefix { $0.isNumber }.reversed())
        return (String(name.dropLast(digits.count)), Int(digits) ?? 0)
    }
}
