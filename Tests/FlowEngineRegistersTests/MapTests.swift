// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters
import Testing

/// Where a register is in map revisions 7, 16 and 17, as the public sources say it; nil where a revision lacks it.
struct Place: CustomTestStringConvertible {
    let name: String
    let addresses: [Int: UInt32?]
    var testDescription: String { name }

    init(_ name: String, _ seven: UInt32?, _ sixteen: UInt32?, _ seventeen: UInt32?) {
        (self.name, addresses) = (name, [7: seven, 16: sixteen, 17: seventeen])
    }

    init(_ name: String, _ everywhere: UInt32) { self.init(name, everywhere, everywhere, everywhere) }
}

@Suite("Where registers are")
struct MapTests {
    static let places: [Place] = [
        Place("bm.MMI_STATUS", 0x000000), Place("bm.BLOCK_TRAFFIC", 0x00000c), Place("bm.MMI_TO_ADDR", 0x000010),
        Place("bm.MMI_ACCESS_ERR_ADDR", 0x00001c), Place("bm.MMI_TO_WR_ADDR", 0x000020),
        Place("mdio.WRITE", 0x000100), Place("mdio.READ", 0x000104), Place("mdio.WAKE_ON_LAN", nil, 0x000110, 0x000110),
        Place("periph.BUTTONS", 0x000200), Place("periph.DISPLAY", 0x00020c), Place("periph.INTERRUPT_EN", 0x000228),
        Place("common.ADDR_MAP_REV", 0x00040c), Place("common.RW_TEST", 0x000420), Place("common.SYS_RESET", 0x0004f0),
        Place("common.FEATURES_TM", 0x0004fc), Place("common.FEATURES_6TREE", 0x000500, nil, nil),
        Place("common.FEATURES_USER_DEF_OUTPRT", nil, 0x000500, 0x000500), Place("common.FEATURES_FLOWCACHE", 0x000508),
        Place("common.FEATURES_USER", 0x000520), Place("common.PARAM_PRT_CNT", 0x000524),
        Place("common.WIDTH_ETH_SW", 0x000564), Place("common.FPGA_TEMP", 0x000600),
        Place("common.FPGA_ALARM", 0x000604),
        Place("common.FIFO_OVERFLOW", 0x000610), Place("common.FIFO_UNDERRUN", 0x000624),
        Place("common.BUFFER_FULL", 0x000640), Place("common.CLK_MON", 0x000650),
        Place("spi_local.BOARD_REV", nil, 0x0c0000, 0x0c0000), Place("spi_local.FPGA_TEMP", nil, 0x0c0100, 0x0c0100),
        Place("spi_local.INT_STATUS", nil, 0x0c0900, 0x0c0900), Place("spi_local.INT_SET_EN", nil, 0x0c0a00, 0x0c0a00),
        Place("spi_local.INT_CLR_EN", nil, 0x0c0b00, 0x0c0b00), Place("spi_local.LICENSE", nil, 0x0c0e00, 0x0c0e00),
        Place("spi_local.ACCESS_ERROR", nil, 0x0c0f00, 0x0c0f00), Place("spi_local.EVENT", nil, 0x0c1300, 0x0c1300),
        Place("spi_local.RESET", nil, 0x0c1600, 0x0c1600), Place("spi_local.TEST_INPUT", nil, 0x0c1a00, 0x0c1a00),
        Place("spi_local.ID_ROM0.WORD", nil, 0x0c2000, 0x0c2000),
        Place("spi_local.ID_ROM15.WORD", nil, 0x0c2f00, 0x0c2f00),
        Place("net.TAP", 0x400000), Place("net.ENABLE", 0x400010), Place("net.SPEED", 0x400014),
        Place("net.LINK", nil, 0x400020, 0x400020), Place("net.OWN_MAC_ADDR_L", 0x400020, 0x400024, 0x400024),
        Place("net.OWN_MAC_ADDR_H", 0x400024, 0x400028, 0x400028),
        Place("net.PORT_ISOLATION", 0x400028, 0x40002c, 0x40002c), Place("net.SIX_TREE_ADDR_L", 0x400030),
        Place("net.SIX_TREE_DST_PTR", 0x40003c), Place("net.TX_CONF_VLD", 0x400040), Place("net.TX_CONF0.ID", 0x400050),
        Place("net.TX_CONF7.TIME_HIGH", 0x4000c8),
        Place("rtc.BRIDGE_LOW", 0x7f0000), Place("rtc.CTRLD_RATE", 0x7f0018), Place("rtc.CLKSEL", 0x7f0024),
        Place("pps.INTERRUPT", 0x7f0100), Place("pps.SAMPLE_VAL", 0x7f0110),
        Place("header_creation0.CNT_BAD_FRAMES", 0x800000), Place("header_creation11.DEFAULT_FLOWID", 0x800b0c),
        Place("header_creation15.CNT_HT_DROP_FRAMES", nil, 0x800f14, 0x800f14),
        Place("ethernet_switch0.COMMON", 0x810000), Place("ethernet_switch1.AGEING", 0x820004),
        Place("ethernet_switch0.NUM_SOF", 0x810010), Place("ethernet_switch1.BUCKET_FILL", 0x820060),
        Place("rx_statistics0.BADRSN", 0x830000), Place("rx_statistics1.BADRSN", 0x850000),
        Place("rx_statistics0.PROCRSN", nil, 0x831000, 0x831000),
        Place("tx_statistics1.PROCRSN", nil, 0xf51000, 0xf51000),
        Place("rx_statistics0.PKT_CNT", 0x831000, 0x832000, 0x832000),
        Place("rx_statistics1.GOOD_FLOWID", 0x852000, 0x853000, 0x853000),
        Place("tx_statistics0.GOOD_FLOWID", 0xf32000, 0xf33000, 0xf33000),
        Place("tx_statistics1.GOOD_PRT", 0xf53000, 0xf54000, 0xf54000),
        Place("statistics_select.PRT_SEL", 0x854000, nil, nil),
        Place("statistics_datapath1.DP_CNT", 0x870400, nil, nil),
        Place("interrupt_latency.MMI_LAT", nil, 0x855004, 0x855004),
        Place("user_module.MMI_ID", nil, 0x880000, 0x880000),
        Place("qci0.GCL_GATES", 0x882000), Place("qci0.ADMIN_BASE_TIME", 0x882404),
        Place("flow_cache.ENABLE", 0xc30000), Place("flow_cache.HASH_ID", 0xc30004),
        Place("flow_cache.TCAM_ID", nil, nil, 0xc30008), Place("flow_cache.RULE_SET", 0xc30008, 0xc30008, 0xc3000c),
        Place("flow_cache.PTP_QUEUE", 0xc3000c, 0xc3000c, 0xc30010),
        Place("flow_cache.FIELD_32BIT_OFFSET", nil, nil, 0xc3001c),
        Place("flow_cache.VLAN_INT", nil, 0xc30040, 0xc30040),
        Place("traffic_manager.RESOURCE_LIMIT", 0xd00000), Place("traffic_manager.DROP_CNT", 0xd00800),
        Place("traffic_manager.REPLICATION_BITMAP", nil, nil, 0xd01000),
        Place("traffic_manager.QUEUE_THRES_FULL", 0xd01000, 0xd01000, 0xd01100),
        Place("traffic_manager.EN_MAX_TRANSIT_DELAY", 0xd0100c, 0xd0100c, 0xd0110c),
        Place("traffic_manager.QM_DROP_RSN", nil, nil, 0xd01110),
        Place("traffic_manager.DBG", 0xd01010, 0xd01010, 0xd01118),
        Place("tas0.GCL_GATES", 0xd20000), Place("tas1.GCL_TIMES", 0xd20a00), Place("tas2.ADMIN_GCL_LENGTH", 0xd21400),
        Place("tas11.CONFIG_CHANGE_ERROR", 0xd25c40), Place("tas0.TRIGGER_CNT", nil, nil, 0xd20454),
        Place("noc_monitor0.STATUS", 0xf00000), Place("noc_monitor21.FIRST_ERR", 0xf01504),
        Place("debug.OUT", nil, 0xf80008, 0xf80008), Place("traffic_manager_debug.BUFFER_MAP", 0xff0000),
        Place("traffic_manager_debug.CNT_BUF", 0xff3000),
    ]

    static let registers: [Int: [String: RegisterDescription]] = FlowEngineMap.revisions.reduce(into: [:]) { all, map in
        all[map.revision] = Dictionary(
            map.registers.map { ("\($0.block).\($0.name)", $0) }, uniquingKeysWith: { first, _ in first })
    }

    @Test("a register is where the public sources say, in each revision of the map", arguments: places)
    func address(_ place: Place) {
        for (revision, expected) in place.addresses {
            let found = Self.registers[revision]?[place.name]?.address.rawValue
            #expect(found == expected, "revision \(revision)")
        }
    }

    @Test("there are three revisions, and no other has a map")
    func revisions() {
        #expect(FlowEngineMap.revisions.map(\.revision) == [7, 16, 17])
        for number in [0, 6, 8, 15, 18] { #expect(FlowEngineMap.revision(number) == nil) }
        #expect(FlowEngineMap.registers(revision: 5) == nil)
    }

    @Test("names in a map are unique")
    func unique() {
        for map in FlowEngineMap.revisions {
            #expect(Self.registers[map.revision]?.count == map.registers.count, "revision \(map.revision)")
        }
    }

    @Test("no two registers or tables share a word, and all are words of the address space")
    func overlap() {
        for map in FlowEngineMap.revisions {
            var used = Set<UInt32>()
            for register in map.registers {
                for index in 0..<register.count {
                    let address = register.address + index * register.stride
                    #expect(address.isValid)
                    #expect(used.insert(address.rawValue).inserted, "\(register.block).\(register.name) at \(address)")
                }
            }
            var end = RegisterAddress(rawValue: 0)
            for table in map.tables {
                #expect(table.base >= end, "\(table.name) in revision \(map.revision)")
                end = table.base + table.stride * table.count
                #expect(!used.contains { table.base.rawValue..<end.rawValue ~= $0 }, "\(table.name)")
            }
        }
    }

    @Test("tables have the windows of the public sources", arguments: FlowEngineMap.revisions)
    func tables(_ map: FlowEngineMap) {
        func check(_ table: EntryTable?, _ base: UInt32, stride: Int, count: Int, words: Int) {
            #expect(table?.base.rawValue == base)
            #expect(table?.stride == stride)
            #expect(table?.count == count)
            #expect(table?.words == words)
        }
        check(map.emhHash, 0x900000, stride: 4, count: 262_144, words: 1)
        check(map.emhRule, 0xb00000, stride: 64, count: 16_384, words: 9)
        check(map.collision, 0xc00000, stride: 64, count: 1024, words: 9)
        check(map.emaRule, 0xc10000, stride: 64, count: 1024, words: 9)
        check(map.emaTCAM, 0xc20000, stride: 16, count: 512, words: 4)
        check(map.action, 0x890000, stride: 4, count: 16_384, words: 1)
        check(map.overwrite.first, 0xe10000, stride: 32, count: 128, words: 8)
        check(map.overwrite.last, 0xe20000, stride: 32, count: 128, words: 8)
        check(map.accelerator.first, 0x100000, stride: 12, count: 131_072, words: 3)
        #expect(map.accelerator.map(\.base.rawValue) == [0x100000, 0x280000])
        #expect((map.vlanStrip?.base.rawValue == 0x8a0000) == (map.revision >= 16))
        #expect((map.vlanTagging?.map(\.base.rawValue) == [0xe11000, 0xe21000]) == (map.revision >= 16))
    }

    @Test("an index of an array of registers is a place of it")
    func arrays() {
        let map = FlowEngineMap.revision17
        #expect(map.statistics.rx[1].badReason(port: 3, reason: 13).address.rawValue == 0x850000 + (3 * 32 + 13) * 4)
        #expect(map.statistics.tx[0].packets(from: 2, to: 17).address.rawValue == 0xf32000 + (2 + 17 * 32) * 4)
        #expect(map.statistics.rx[0].goodFlowid[1023].address.rawValue == 0x833ffc)
        #expect(map.trafficManager.resourceLimit[511].address.rawValue == 0xd007fc)
        #expect(map.ethernetSwitch[1].bucketFill[15].address.rawValue == 0x82009c)
        #expect(map.tas[2].gclTimes[127].address.rawValue == 0xd213fc)
    }
}
