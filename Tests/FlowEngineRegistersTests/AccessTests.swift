// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters
import Foundation
import Testing

@Suite("What may be done with a register")
struct AccessTests {
    static let modes: [(String, AccessMode)] = [
        ("bm.MMI_STATUS", .clearOnRead), ("common.RW_TEST", .readWrite), ("common.ADDR_MAP_REV", .readOnly),
        ("common.FEATURES_FLOWCACHE", .readWrite), ("spi_local.BOARD_REV", .readOnly),
        ("spi_local.INT_STATUS", .readWrite), ("spi_local.INT_SET_EN", .readWrite),
        ("spi_local.FPGA_ALARM", .clearOnRead), ("spi_local.CONFIG_CHECK", .clearOnRead),
        ("spi_local.ACCESS_ERROR", .clearOnRead), ("spi_local.FIFO_OVERFLOW", .clearOnRead),
        ("spi_local.EXT_INTERRUPT", .clearOnRead), ("spi_local.EVENT", .clearOnReadWrite),
        ("spi_local.MMI_INT_BITMAP", .clearOnRead), ("spi_local.BACKPRESSURE", .clearOnRead),
        ("spi_local.RESET", .readWrite), ("spi_local.TEST_DRIVE", .writeOnly), ("spi_local.TEST_INPUT", .readOnly),
        ("net.TAP", .writeOnly), ("net.ENABLE", .readWrite), ("net.SPEED", .readWrite), ("net.LINK", .writeOnly),
        ("net.OWN_MAC_ADDR_L", .writeOnly), ("net.SIX_TREE_SRC_PTR", .writeOnly), ("net.TX_CONF_VLD", .readOnly),
        ("net.TX_CONF2.TIME_LOW", .clearOnRead), ("rtc.BRIDGE_LOW", .readOnly), ("rtc.CTRLD_OFFSET_HIGH", .writeOnly),
        ("rtc.INTERRUPT", .clearOnRead), ("rtc.INTERRUPT_EN", .readWrite), ("rtc.CLKSEL", .writeOnly),
        ("pps.INTERRUPT", .readOnly), ("header_creation0.CNT_BAD_FRAMES", .clearOnRead),
        ("header_creation0.DEFAULT_FLOWID", .writeOnly), ("rx_statistics0.GOOD_FLOWID", .clearOnRead),
        ("flow_cache.ENABLE", .writeOnly), ("flow_cache.HASH_ID", .readOnly), ("flow_cache.RULE_SET", .readWrite),
        ("traffic_manager.RESOURCE_LIMIT", .writeOnly), ("traffic_manager.DROP_CNT", .clearOnRead),
        ("traffic_manager.RX_BUF_AVAIL", .readOnly), ("tas0.CONFIG_CHANGE_ERROR", .clearOnRead),
        ("tas0.CONFIG_PENDING", .readOnly), ("tas0.TRIGGER_EN", .writeOnly),
    ]

    @Test("access modes are those of the public sources")
    func access() {
        for (name, mode) in Self.modes { #expect(MapTests.registers[17]?[name]?.mode == mode, "\(name)") }
    }

    @Test("a mode that no public source tells says so")
    func told() {
        let registers = MapTests.registers[17]
        #expect(registers?["net.ENABLE"]?.accessIsPublic == true)
        #expect(registers?["ethernet_switch0.AGEING"]?.accessIsPublic == false)
    }

    @Test("only reset values that are public are known")
    func resets() {
        for map in FlowEngineMap.revisions {
            let known = map.registers.filter { $0.reset != nil }
            #expect(Set(known.map(\.name)) == ["ENABLE", "CTRLD_RATE", "TICK_GRANULARITY"])
            #expect(!known.contains { $0.name == "ENABLE" && $0.block != "net" })
        }
        #expect(MapTests.registers[17]?["rtc.CTRLD_RATE"]?.reset == 0x0500_0000)
        #expect(MapTests.registers[7]?["net.ENABLE"]?.reset == 0)
    }

    @Test("latched bits are kept until they are acknowledged")
    func latched() {
        var alarms = Latched<SPIFPGAAlarm>()
        alarms.absorb(SPIFPGAAlarm(rawValue: 1))
        alarms.absorb(SPIFPGAAlarm(rawValue: 4))
        #expect(alarms.acknowledge().rawValue == 5)
        #expect(alarms.seen.rawValue == 0)
    }

    /// Lines that may not compile say why behind `//`; all others must.
    static let uses = """
        func uses(_ bus: any RegisterBus, _ map: FlowEngineMap) throws {
            try bus.write(map.common.fpgaTemp, CommonFPGATemp()) // 'ReadOnly' conform to 'Writable'
            try bus.write(map.statistics.rx[0].badrsn[3], StatisticsCounter()) // 'ClearOnRead' conform to 'Writable'
            _ = try bus.read(map.net.tap) // 'WriteOnly' conform to 'Readable'
            _ = try bus.read(map.bm.mmiStatus) // 'ClearOnRead' conform to 'Readable'
            _ = try bus.take(map.common.rwTest) // 'ReadWrite' conform to 'ClearedByReading'
            try bus.modify(map.net.ownMACAddrL) { $0.address = 1 } // 'WriteOnly' conform to 'Readable'
            try bus.write(map.net.enable, NETPause()) // cannot convert value of type 'NETPause'
            try bus.write(map.net.link, NETLink()) // must be unwrapped
            let _: UInt16 = try bus.read(map.common.fpgaAlarm).vccaux // 'Bool' to specified type 'UInt16'
            try bus.modify(map.net.enable) { $0[port: 3] = true }
            try bus.write(map.flowCache.enable, FlowCacheEnable(rawValue: 7))
            _ = try bus.take(map.bm.mmiStatus).readTimeout
            _ = try bus.read(map.common.fpgaTemp).celsius
        }
        """

    @Test("wrong use of a register does not compile")
    func misuse() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let sources = root.appending(path: "Sources/FlowEngineRegisters")
        let files = try #require(FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil))
            .compactMap { ($0 as? URL)?.path }.filter { $0.hasSuffix(".swift") }
        let folder = FileManager.default.temporaryDirectory.appending(path: "piccolo-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let uses = folder.appending(path: "uses.swift")
        try Self.uses.write(to: uses, atomically: true, encoding: .utf8)
        // The compiler looks at one file only, and at what that needs of the others: it takes a fraction of a second.
        let output = try run(
            "swiftc", ["-frontend", "-typecheck", "-swift-version", "6", "-primary-file", uses.path] + files)
        var errors: [Int: String] = [:]
        for line in output.split(separator: "\n") where line.contains("/uses.swift:") && line.contains(": error: ") {
            let parts = line.split(separator: ":", maxSplits: 4)
            if parts.count == 5, let number = Int(parts[1]) { errors[number, default: ""] += parts[4] }
        }
        for (index, line) in Self.uses.split(separator: "\n").enumerated() {
            let found = errors[index + 1] ?? ""
            if let why = line.components(separatedBy: " // ").dropFirst().first {
                #expect(found.contains(why), "\(line): \(output)")
            } else {
                #expect(found.isEmpty, "\(line): \(found)")
            }
        }
    }

    @Test("the C header places every register where the Swift does", arguments: FlowEngineMap.revisions)
    func header(_ map: FlowEngineMap) throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        var text = "#include <stddef.h>\n#include \"flowengine_rev\(map.revision).h\"\n"
        let lists = ["header_creation", "ethernet_switch", "statistics_datapath", "tas", "noc_monitor"]
        for register in map.registers {
            var path = register.block
            for list in lists where path.hasPrefix(list) { path = "\(list)[\(path.dropFirst(list.count))]" }
            for list in ["TX_CONF", "ID_ROM"] {
                path = path.replacing(try Regex("\\.\(list)([0-9]+)", as: (Substring, Substring).self)) {
                    ".\(list)[\($0.1)]"
                }
            }
            text += "_Static_assert(offsetof(flowengine_rev\(map.revision)_t, \(path).\(register.name)) == "
            text += "\(register.address), \"\(path).\(register.name)\");\n"
        }
        let folder = FileManager.default.temporaryDirectory.appending(path: "piccolo-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appending(path: "places.c")
        try text.write(to: file, atomically: true, encoding: .utf8)
        let output = try run(
            "clang", ["-std=c11", "-fsyntax-only", "-I", root.appending(path: "fpga-regs/generated").path, file.path])
        #expect(output.isEmpty)
    }

    /// What a program of the toolchain prints.
    private func run(_ program: String, _ arguments: [String]) throws -> String {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [program] + arguments
        (process.standardOutput, process.standardError) = (pipe, pipe)
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return String(decoding: output, as: UTF8.self)
    }
}
