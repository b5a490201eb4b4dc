// SPDX-License-Identifier: Apache-2.0
// DO NOT EDIT: made by tools/generate-registers from fpga-regs/map_rev*.rdl.

/// The card's registers and tables, where one revision of the map has them. Which one a card has is read from COMMON
/// ADDR_MAP_REV, which is at the same place in all of them. What a revision lacks is nil.
public struct FlowEngineMap: Sendable {
    public let revision: Int
    /// BM: The manager of the register bus.
    public let bm: BMBlock
    /// MDIO: The way to the PHYs.
    public let mdio: MDIOBlock
    /// PERIPH: Buttons, LEDs, display.
    public let periph: PeriphBlock
    /// COMMON: Identity, features and health.
    public let common: CommonBlock
    /// NET: Ports.
    public let net: NETBlock
    /// RTC: Clocks.
    public let rtc: RTCBlock
    /// PPS: Pulse per second.
    public let pps: PPSBlock
    /// Header creation: Header creation of a port.
    public let headerCreation: [HeaderCreationBlock]
    /// Ethernet switch: MAC learning of a datapath.
    public let ethernetSwitch: [EthernetSwitchBlock]
    /// Statistics: Packets of a direction and datapath.
    public let rxStatistics: [StatisticsBlock]
    /// Statistics, port selection: Port selection.
    public let statisticsSelect: StatisticsSelectBlock?
    /// Statistics of a datapath: Counter of a datapath.
    public let statisticsDatapath: [StatisticsDPBlock]?
    /// QCI0: Stream gates.
    public let qci0: QCIBlock
    /// Flow cache: Control of the flow cache.
    public let flowCache: FlowCacheBlock
    /// Traffic manager: Packet buffer and queues.
    public let trafficManager: TrafficManagerBlock
    /// TAS: Time-aware shaper of a port.
    public let tas: [TASBlock]
    /// NOC monitor: A monitor of the inner network.
    public let nocMonitor: [NOCMonBlock]
    /// Statistics: Packets of a direction and datapath.
    public let txStatistics: [StatisticsBlock]
    /// Traffic manager, debug: A look into the traffic manager.
    public let trafficManagerDebug: TrafficManagerDebugBlock
    /// SPI local: Registers of the SPI interface itself.
    public let spiLocal: SPILocalBlock?
    /// Latency of interrupts: Latencies of interrupts.
    public let interruptLatency: MeasInterruptBlock?
    /// Latency between ports: Latency from port to port.
    public let portLatency: MeasPortsBlock?
    /// User module: An example of a module of one's own.
    public let userModule: UserModBlock?
    /// Debug: Pins for debugging.
    public let debug: DebugBlock?
    /// accelerator: Destinations of the acceleration datapath.
    public let accelerator: [EntryTable]
    /// QCI1 IPV: Internal priorities of streams. The layout is not public.
    public let qci1IPV: EntryTable
    /// action: What becomes of the packets of a flow.
    public let action: EntryTable
    /// EMH hash: Pointers from hash values to rules.
    public let emhHash: EntryTable
    /// EMH rule: Rules of exact matches by hash.
    public let emhRule: EntryTable
    /// collision: Rules whose place in the hash table is taken, searched one by one.
    public let collision: EntryTable
    /// EMA rule: Rules of masked matches.
    public let emaRule: EntryTable
    /// EMA TCAM: Folded keys of masked matches, with their masks.
    public let emaTCAM: EntryTable
    /// overwrite: What is written over fields of a header.
    public let overwrite: [EntryTable]
    /// VLAN strip: VLAN tags taken off. The layout is not public.
    public let vlanStrip: EntryTable?
    /// VLAN tagging: VLAN tags put on. The layout is not public.
    public let vlanTagging: [EntryTable]?

    public static let revisions = [revision7, revision16, revision17]

    /// nil: no public source describes this revision.
    public static func revision(_ number: Int) -> FlowEngineMap? {
        revisions.first { $0.revision == number }
    }

    public static let revision7 = FlowEngineMap(
        revision: 7,
        bm: BMBlock(0x000000),
        mdio: MDIOBlock(rev7: 0x000100),
        periph: PeriphBlock(0x000200),
        common: CommonBlock(rev7: 0x000400),
        net: NETBlock(rev7: 0x400000),
        rtc: RTCBlock(0x7f0000),
        pps: PPSBlock(0x7f0100),
        headerCreation: (0..<16).map { HeaderCreationBlock(rev7: 0x800000 + UInt32($0) * 0x100) },
        ethernetSwitch: (0..<2).map { EthernetSwitchBlock(0x810000 + UInt32($0) * 0x10000) },
        rxStatistics: (0..<2).map { StatisticsBlock(rev7: 0x830000 + UInt32($0) * 0x20000) },
        statisticsSelect: StatisticsSelectBlock(0x854000),
        statisticsDatapath: (0..<2).map { StatisticsDPBlock(0x870000 + UInt32($0) * 0x400) },
        qci0: QCIBlock(0x882000),
        flowCache: FlowCacheBlock(rev7: 0xc30000),
        trafficManager: TrafficManagerBlock(rev7: 0xd00000),
        tas: (0..<16).map { TASBlock(rev7: 0xd20000 + UInt32($0) * 0x800) },
        nocMonitor: (0..<22).map { NOCMonBlock(0xf00000 + UInt32($0) * 0x100) },
        txStatistics: (0..<2).map { StatisticsBlock(rev7: 0xf30000 + UInt32($0) * 0x20000) },
        trafficManagerDebug: TrafficManagerDebugBlock(0xff0000),
        spiLocal: nil,
        interruptLatency: nil,
        portLatency: nil,
        userModule: nil,
        debug: nil,
        accelerator: [
            EntryTable("accelerator0", 0x100000, stride: 12, count: 131072, words: 3),
            EntryTable("accelerator1", 0x280000, stride: 12, count: 131072, words: 3),
        ],
        qci1IPV: EntryTable("qci1_ipv", 0x884000, stride: 4, count: 1024, words: 1),
        action: EntryTable("action", 0x890000, stride: 4, count: 16384, words: 1),
        emhHash: EntryTable("emh_hash", 0x900000, stride: 4, count: 262144, words: 1),
        emhRule: EntryTable("emh_rule", 0xb00000, stride: 64, count: 16384, words: 9),
        collision: EntryTable("collision", 0xc00000, stride: 64, count: 1024, words: 9),
        emaRule: EntryTable("ema_rule", 0xc10000, stride: 64, count: 1024, words: 9),
        emaTCAM: EntryTable("ema_tcam", 0xc20000, stride: 16, count: 512, words: 4),
        overwrite: [
            EntryTable("overwrite0", 0xe10000, stride: 32, count: 128, words: 8),
            EntryTable("overwrite1", 0xe20000, stride: 32, count: 128, words: 8),
        ],
        vlanStrip: nil,
        vlanTagging: nil
    )

    public static let revision16 = FlowEngineMap(
        revision: 16,
        bm: BMBlock(0x000000),
        mdio: MDIOBlock(rev16: 0x000100),
        periph: PeriphBlock(0x000200),
        common: CommonBlock(rev16: 0x000400),
        net: NETBlock(rev16: 0x400000),
        rtc: RTCBlock(0x7f0000),
        pps: PPSBlock(0x7f0100),
        headerCreation: (0..<16).map { HeaderCreationBlock(rev16: 0x800000 + UInt32($0) * 0x100) },
        ethernetSwitch: (0..<2).map { EthernetSwitchBlock(0x810000 + UInt32($0) * 0x10000) },
        rxStatistics: (0..<2).map { StatisticsBlock(rev16: 0x830000 + UInt32($0) * 0x20000) },
        statisticsSelect: nil,
        statisticsDatapath: nil,
        qci0: QCIBlock(0x882000),
        flowCache: FlowCacheBlock(rev16: 0xc30000),
        trafficManager: TrafficManagerBlock(rev7: 0xd00000),
        tas: (0..<16).map { TASBlock(rev7: 0xd20000 + UInt32($0) * 0x800) },
        nocMonitor: (0..<22).map { NOCMonBlock(0xf00000 + UInt32($0) * 0x100) },
        txStatistics: (0..<2).map { StatisticsBlock(rev16: 0xf30000 + UInt32($0) * 0x20000) },
        trafficManagerDebug: TrafficManagerDebugBlock(0xff0000),
        spiLocal: SPILocalBlock(0x0c0000),
        interruptLatency: MeasInterruptBlock(0x855000),
        portLatency: MeasPortsBlock(0x856000),
        userModule: UserModBlock(0x880000),
        debug: DebugBlock(0xf80000),
        accelerator: [
            EntryTable("accelerator0", 0x100000, stride: 12, count: 131072, words: 3),
            EntryTable("accelerator1", 0x280000, stride: 12, count: 131072, words: 3),
        ],
        qci1IPV: EntryTable("qci1_ipv", 0x884000, stride: 4, count: 1024, words: 1),
        action: EntryTable("action", 0x890000, stride: 4, count: 16384, words: 1),
        emhHash: EntryTable("emh_hash", 0x900000, stride: 4, count: 262144, words: 1),
        emhRule: EntryTable("emh_rule", 0xb00000, stride: 64, count: 16384, words: 9),
        collision: EntryTable("collision", 0xc00000, stride: 64, count: 1024, words: 9),
        emaRule: EntryTable("ema_rule", 0xc10000, stride: 64, count: 1024, words: 9),
        emaTCAM: EntryTable("ema_tcam", 0xc20000, stride: 16, count: 512, words: 4),
        overwrite: [
            EntryTable("overwrite0", 0xe10000, stride: 32, count: 128, words: 8),
            EntryTable("overwrite1", 0xe20000, stride: 32, count: 128, words: 8),
        ],
        vlanStrip: EntryTable("vlan_strip", 0x8a0000, stride: 4, count: 16384, words: 1),
        vlanTagging: [
            EntryTable("vlan_tagging0", 0xe11000, stride: 4, count: 1024, words: 1),
            EntryTable("vlan_tagging1", 0xe21000, stride: 4, count: 1024, words: 1),
        ]
    )

    public static let revision17 = FlowEngineMap(
        revision: 17,
        bm: BMBlock(0x000000),
        mdio: MDIOBlock(rev16: 0x000100),
        periph: PeriphBlock(0x000200),
        common: CommonBlock(rev16: 0x000400),
        net: NETBlock(rev16: 0x400000),
        rtc: RTCBlock(0x7f0000),
        pps: PPSBlock(0x7f0100),
        headerCreation: (0..<16).map { HeaderCreationBlock(rev16: 0x800000 + UInt32($0) * 0x100) },
        ethernetSwitch: (0..<2).map { EthernetSwitchBlock(0x810000 + UInt32($0) * 0x10000) },
        rxStatistics: (0..<2).map { StatisticsBlock(rev16: 0x830000 + UInt32($0) * 0x20000) },
        statisticsSelect: nil,
        statisticsDatapath: nil,
        qci0: QCIBlock(0x882000),
        flowCache: FlowCacheBlock(rev17: 0xc30000),
        trafficManager: TrafficManagerBlock(rev17: 0xd00000),
        tas: (0..<16).map { TASBlock(rev17: 0xd20000 + UInt32($0) * 0x800) },
        nocMonitor: (0..<22).map { NOCMonBlock(0xf00000 + UInt32($0) * 0x100) },
        txStatistics: (0..<2).map { StatisticsBlock(rev16: 0xf30000 + UInt32($0) * 0x20000) },
        trafficManagerDebug: TrafficManagerDebugBlock(0xff0000),
        spiLocal: SPILocalBlock(0x0c0000),
        interruptLatency: MeasInterruptBlock(0x855000),
        portLatency: MeasPortsBlock(0x856000),
        userModule: UserModBlock(0x880000),
        debug: DebugBlock(0xf80000),
        accelerator: [
            EntryTable("accelerator0", 0x100000, stride: 12, count: 131072, words: 3),
            EntryTable("accelerator1", 0x280000, stride: 12, count: 131072, words: 3),
        ],
        qci1IPV: EntryTable("qci1_ipv", 0x884000, stride: 4, count: 1024, words: 1),
        action: EntryTable("action", 0x890000, stride: 4, count: 16384, words: 1),
        emhHash: EntryTable("emh_hash", 0x900000, stride: 4, count: 262144, words: 1),
        emhRule: EntryTable("emh_rule", 0xb00000, stride: 64, count: 16384, words: 9),
        collision: EntryTable("collision", 0xc00000, stride: 64, count: 1024, words: 9),
        emaRule: EntryTable("ema_rule", 0xc10000, stride: 64, count: 1024, words: 9),
        emaTCAM: EntryTable("ema_tcam", 0xc20000, stride: 16, count: 512, words: 4),
        overwrite: [
            EntryTable("overwrite0", 0xe10000, stride: 32, count: 128, words: 8),
            EntryTable("overwrite1", 0xe20000, stride: 32, count: 128, words: 8),
        ],
        vlanStrip: EntryTable("vlan_strip", 0x8a0000, stride: 4, count: 16384, words: 1),
        vlanTagging: [
            EntryTable("vlan_tagging0", 0xe11000, stride: 4, count: 1024, words: 1),
            EntryTable("vlan_tagging1", 0xe21000, stride: 4, count: 1024, words: 1),
        ]
    )

    /// Every register of this revision, in order of address.
    public var registers: [RegisterDescription] {
        var list = RegisterList()
        bm.list("bm", in: &list)
        mdio.list("mdio", in: &list)
        periph.list("periph", in: &list)
        common.list("common", in: &list)
        net.list("net", in: &list)
        rtc.list("rtc", in: &list)
        pps.list("pps", in: &list)
        for (index, each) in headerCreation.enumerated() {
            each.list("header_creation\(index)", in: &list)
        }
        for (index, each) in ethernetSwitch.enumerated() {
            each.list("ethernet_switch\(index)", in: &list)
        }
        for (index, each) in rxStatistics.enumerated() {
            each.list("rx_statistics\(index)", in: &list)
        }
        statisticsSelect?.list("statistics_select", in: &list)
        for (index, each) in (statisticsDatapath ?? []).enumerated() {
            each.list("statistics_datapath\(index)", in: &list)
        }
        qci0.list("qci0", in: &list)
        flowCache.list("flow_cache", in: &list)
        trafficManager.list("traffic_manager", in: &list)
        for (index, each) in tas.enumerated() {
            each.list("tas\(index)", in: &list)
        }
        for (index, each) in nocMonitor.enumerated() {
            each.list("noc_monitor\(index)", in: &list)
        }
        for (index, each) in txStatistics.enumerated() {
            each.list("tx_statistics\(index)", in: &list)
        }
        trafficManagerDebug.list("traffic_manager_debug", in: &list)
        spiLocal?.list("spi_local", in: &list)
        interruptLatency?.list("interrupt_latency", in: &list)
        portLatency?.list("port_latency", in: &list)
        userModule?.list("user_module", in: &list)
        debug?.list("debug", in: &list)
        return list.sorted
    }

    /// Every table of this revision, in order of address.
    public var tables: [EntryTable] {
        var list: [EntryTable] = []
        list += accelerator
        list.append(qci1IPV)
        list.append(action)
        list.append(emhHash)
        list.append(emhRule)
        list.append(collision)
        list.append(emaRule)
        list.append(emaTCAM)
        list += overwrite
        if let vlanStrip { list.append(vlanStrip) }
        list += vlanTagging ?? []
        return list.sorted { $0.base < $1.base }
    }
}
