// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters
import Packet

/// The card's whole state. `SimulatedCard` keeps it behind a lock.
struct CardCore: Sendable {
    let configuration: CardConfiguration
    let variants: CardVariants
    let effective: CardConfiguration.Features
    let map: FlowEngineMap
    let windows: TableWindows
    let classifier: FrameClassifier
    let tag: CPUTag

    /// Nanoseconds since the card was made.
    var time: UInt64 = 0
    var registers: RegisterFile
    var statistics: StatisticsPlaces
    var flowCache: FlowCache
    /// By datapath.
    var overwrites: [OverwriteTable]
    var sixTree = SixTree()
    var ethernetSwitch: LearningSwitch
    var trafficManager: TrafficManager
    var clock = CardClock()
    var phys = PHYRegisters()
    var bus = BusManager()

    // What the forwarding path needs of registers, kept as they are written.
    var enabledPorts: UInt32 = 0
    var pausePorts: UInt32 = 0
    var ownAddress: UInt64 = 0
    var cacheEnable = FlowCache.Enable(rawValue: 0)
    var missesGoToProcessor = false
    var switchEnabled: [Bool]
    var sixTreeEnabled = false
    /// 6T_ADDR was written since the reset.
    var sixTreeConfigured = false
    var uplinks: UInt16
    /// VLAN_INT, by port.
    var portVLAN = Array(repeating: UInt16(0), count: 16)
    /// Two bits for each port: 10, 100, 1000 Mb/s.
    var speeds: UInt32 = 0
    var defaultFlow = Array(repeating: 0, count: 16)
    /// SPI local RESET: reset is held while it is not zero.
    var heldReset: UInt32 = 0
    /// INT_SET_EN, INT_CLR_EN and INT_STATUS of the SPI local block.
    var interruptMask: UInt32 = 0
    var interruptRaw: UInt32 = 0

    var counters = AccessCounters()
    var verdict = CardVerdict()
    var faults = CardFaults()
    var lateWrites: [LateWrite] = []
    /// Accesses that reached for the card, carried out or not.
    var accessCount = 0
    /// False: no power, all ones.
    var isPowered = true
    /// Accesses below this number see all ones.
    var absentUntil = 0
    var temperature: Double
    var generator: SeededGenerator
    /// Resets and power cycles so far.
    var resets = 0

    struct LateWrite {
        var due: Int
        var address: RegisterAddress
        var value: UInt32
    }

    init(_ configuration: CardConfiguration, map: FlowEngineMap, layouts: [Int: EntryLayout]) {
        self.configuration = configuration
        self.map = map
        variants = configuration.variants
        effective = configuration.effective
        windows = TableWindows(map, configuration)
        classifier = FrameClassifier(variants)
        tag = CPUTag(version: configuration.tagVersion)
        registers = RegisterFile(TableWindows.present(map, configuration))
        flowCache = FlowCache(
            hashRevision: configuration.hashRevision, layouts: layouts, variants: variants)
        overwrites = Array(repeating: OverwriteTable(), count: configuration.datapathCount)
        ethernetSwitch = LearningSwitch(capacity: 1 << CardCore.switchWidth)
        trafficManager = TrafficManager(variants)
        switchEnabled = Array(repeating: false, count: configuration.datapathCount)
        uplinks = configuration.uplinkPorts
        temperature = configuration.temperature
        generator = SeededGenerator(seed: configuration.seed)
        statistics = StatisticsPlaces(map, registers, datapaths: configuration.datapathCount)
        prepareRegisters()
        reset(isPowerCycle: true)
        resets = 0
    }

    /// WIDTH_ETH_SW: log2 of the MAC table's entries. The value of the boards is not public.
    static let switchWidth: UInt32 = 11

    /// As after power-up, or after a reset by register.
    mutating func reset(isPowerCycle: Bool) {
        resets += 1
        // The SPI interface lives through a reset of what is behind it.
        registers.reset { isPowerCycle || !CardCore.isLocal($0) }
        if isPowerCycle || variants.tablesAtReset == .cleared {
            flowCache.clear()
            for index in overwrites.indices { overwrites[index].clear() }
        }
        sixTree = SixTree()
        ethernetSwitch.clear()
        ethernetSwitch.ageing = 149
        trafficManager = TrafficManager(variants)
        clock = CardClock(at: time)
        bus = BusManager()
        phys = PHYRegisters()
        (enabledPorts, pausePorts, ownAddress, speeds) = (0, 0, 0, CardCore.gigabitOnAllPorts)
        cacheEnable = FlowCache.Enable(rawValue: 0)
        missesGoToProcessor = false
        switchEnabled = Array(repeating: false, count: switchEnabled.count)
        sixTreeConfigured = false
        uplinks = configuration.uplinkPorts
        // Revision 7 has a register to enable it with, later ones only the prefix.
        sixTreeEnabled = map.common.features6Tree == nil
        portVLAN = Array(repeating: 0, count: 16)
        defaultFlow = Array(repeating: 0, count: 16)
        lateWrites = []
        if isPowerCycle { (heldReset, interruptMask, interruptRaw) = (0, 0, 0) }
    }

    /// 0x0C0000…0x0FFF00: registers of the SPI interface itself.
    static func isLocal(_ address: RegisterAddress) -> Bool { (0x0c_0000...0x0f_ffff).contains(address.rawValue) }

    func megabits(of port: Int) -> Int {
        // Processor interfaces: as fast as the fastest port.
        guard port < 16 else { return 1000 }
        switch speeds >> UInt32(port * 2) & 3 {
        case 0: return 10
        case 1: return 100
        default: return 1000
        }
    }

    /// Time ends after 292 years: what is reckoned beyond it still has a bit of room.
    mutating func advance(_ nanoseconds: UInt64) { time = min(time + min(nanoseconds, Self.end), Self.end) }

    private static let end = UInt64(Int64.max)
}
