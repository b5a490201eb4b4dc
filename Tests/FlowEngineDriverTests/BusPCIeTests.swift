// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters
import Glibc
import Testing

@testable import FlowEngineDriver

/// A tree of plain files that looks like sysfs.
struct FakeSysfs {
    static let function = "0000:01:00.0"
    let folder: TemporaryFolder
    let device = "bus/pci/devices/\(function)"

    init(
        vendor: String = "0xaaaa", identity: String = "0x7024", enable: String = "0", command: UInt8 = 2,
        bar: String = "0x00000000f0000000 0x00000000f0ffffff 0x0000000000040200", size: Int = 1 << 24
    ) throws {
        folder = try TemporaryFolder()
        try folder.write("\(device)/vendor", vendor + "\n")
        try folder.write("\(device)/device", identity + "\n")
        try folder.write("\(device)/enable", enable + "\n")
        try folder.write("\(device)/config", [0xaa, 0xaa, 0x24, 0x70, command, 0, 0, 0])
        let none = "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
        try folder.write("\(device)/resource", none + bar + "\n" + String(repeating: none, count: 5))
        try folder.write("\(device)/resource1", [])
        guard truncate("\(folder.path)/\(device)/resource1", size) == 0 else {
            throw SocketTestError(call: "truncate", errno: errno)
        }
    }

    func configuration(_ change: (inout PCIeConfiguration) -> Void = { _ in }) -> PCIeConfiguration {
        var configuration = PCIeConfiguration(function: Self.function, sysfs: folder.path)
        change(&configuration)
        return configuration
    }

    func bytes(_ offset: Int, _ count: Int) throws -> [UInt8] {
        let file = open("\(folder.path)/\(device)/resource1", O_RDONLY | O_CLOEXEC)
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: count)
        guard pread(file, &bytes, count, off_t(offset)) == count else {
            throw SocketTestError(call: "pread", errno: errno)
        }
        return bytes
    }
}

@Suite("A card behind PCIe")
struct BusPCIeTests {
    private func failure(_ tree: FakeSysfs, _ change: (inout PCIeConfiguration) -> Void = { _ in }) -> String {
        do {
            _ = try PCIeRegisterBus(tree.configuration(change))
        } catch {
            return "\(error)"
        }
        return "no error"
    }

    @Test("words lie in the BAR, the lowest byte first")
    func mapping() throws {
        let tree = try FakeSysfs()
        let bus = try PCIeRegisterBus(tree.configuration())
        #expect(bus.name == "pcie 0000:01:00.0 BAR1")
        var batch: [RegisterAccess] = [
            .write(ModelCard.scratch, 0x1234_5678), .read(ModelCard.scratch),
            .write(RegisterAddress(rawValue: 0xff_fffc), 7),
        ]
        try bus.transfer(&batch)
        #expect(batch[1].value == 0x1234_5678)
        #expect(try tree.bytes(0x420, 4) == [0x78, 0x56, 0x34, 0x12])
        #expect(try tree.bytes(0xff_fffc, 4) == [7, 0, 0, 0])
        #expect(try tree.folder.read("\(tree.device)/enable") == Array("1\n".utf8))
    }

    @Test("a function that is enabled already is not enabled again")
    func enabled() throws {
        // The kernel counts who enabled it.
        let tree = try FakeSysfs(enable: "2")
        #expect(failure(tree) == "no error")
        #expect(try tree.folder.read("\(tree.device)/enable") == Array("2\n".utf8))
    }

    @Test(
        "the card's public identities are accepted",
        arguments: [("0xaaaa", "0x7024"), ("0x10ee", "0x0000"), ("0xaaaa", "0x7121"), ("0xaaaa", "0x7021")])
    func identities(vendor: String, identity: String) throws {
        let tree = try FakeSysfs(vendor: vendor, identity: identity)
        #expect(failure(tree) == "no error")
    }

    @Test("another identity is refused unless it is configured")
    func otherIdentity() throws {
        let tree = try FakeSysfs(vendor: "0x1af4", identity: "0x1110")
        #expect(
            failure(tree).contains("the function is 1af4:1110, not one of aaaa:7024, 10ee:0000, aaaa:7121, aaaa:7021"))
        #expect(failure(tree) { $0.accepted = [PCIIdentity(0x1af4, 0x1110)] } == "no error")
    }

    @Test("a function that is not there, or is no function, is said")
    func notThere() throws {
        let tree = try FakeSysfs()
        #expect(failure(tree) { $0.function = "0000:02:00.0" }.contains("there is no PCI function 0000:02:00.0"))
        for text in ["../../etc", "01:00.0", "0000:01:00", "0000:01:00.00", "0000:01:0g.0", ""] {
            #expect(failure(tree) { $0.function = text }.contains("\"\(text)\" is no PCI function"))
        }
    }

    @Test("a BAR that is not memory, too small, or missing is refused")
    func badBAR() throws {
        let port = try FakeSysfs(bar: "0x000000000000e000 0x000000000000e0ff 0x0000000000040101")
        #expect(failure(port).contains("BAR1 is not memory"))
        let small = try FakeSysfs(bar: "0x00000000f0000000 0x00000000f00fffff 0x0000000000040200")
        #expect(failure(small).contains("BAR1 has 1048576 bytes; a card's registers take at least 16384000"))
        #expect(failure(try FakeSysfs()) { $0.bar = 0 }.contains("BAR0 is not memory"))
        #expect(failure(try FakeSysfs()) { $0.bar = 6 }.contains("has no line for BAR6"))
        #expect(failure(try FakeSysfs(bar: "0x1 0x2")).contains("is not first and last address and flags"))
        let short = try FakeSysfs(size: 4096)
        #expect(failure(short).contains("has 4096 bytes; the BAR's 16777216 cannot be mapped"))
    }

    @Test("an address beyond a small BAR is an error, not a crash")
    func beyond() throws {
        let tree = try FakeSysfs(bar: "0x00000000f0000000 0x00000000f000ffff 0x0000000000040200", size: 1 << 16)
        let bus = try PCIeRegisterBus(tree.configuration { $0.minimumSize = 4096 })
        try bus.writeWord(RegisterAddress(rawValue: 0xfffc), 1)
        let error = #expect(throws: BusError.self) { try bus.writeWord(RegisterAddress(rawValue: 0x1_0000), 1) }
        #expect(error?.cause == .address("0x010000 lies beyond the BAR, which has 0x10000 bytes"))
    }

    @Test("a BAR larger than the register space is mapped as far as registers go")
    func large() throws {
        let tree = try FakeSysfs(bar: "0x00000000e0000000 0x00000000e1ffffff 0x0000000000040200", size: 1 << 25)
        let bus = try PCIeRegisterBus(tree.configuration())
        #expect(throws: BusError.self) { try bus.writeWord(RegisterAddress(rawValue: 1 << 24), 1) }
        try bus.writeWord(RegisterAddress(rawValue: (1 << 24) - 4), 1)
    }

    @Test("a function that is gone, or does not answer to memory accesses, is found out before it is mapped")
    func dead() throws {
        let gone = try FakeSysfs()
        try gone.folder.write("\(gone.device)/config", [UInt8](repeating: 0xff, count: 64))
        #expect(failure(gone).contains("no card answers"))
        #expect(failure(try FakeSysfs(command: 0)).contains("does not answer to memory accesses"))
    }

    @Test("a BAR has one owner")
    func owner() throws {
        let tree = try FakeSysfs()
        let bus = try PCIeRegisterBus(tree.configuration())
        #expect(failure(tree).contains("another process of Piccolo owns it"))
        #expect(bus.name == "pcie 0000:01:00.0 BAR1")
    }

    @Test("a card that is pulled out mid-batch is gone, and its ones are no values")
    func removal() throws {
        let bar = ModelBAR(ModelCard())
        let bus = WindowRegisterBus(ModelWindow(bar: bar), name: "window")
        try bus.writeWord(ModelCard.scratch, 5)
        bar.accessesUntilGone = 2
        var batch: [RegisterAccess] = Array(repeating: .read(ModelCard.scratch), count: 4)
        let error = #expect(throws: BusError.self) { try bus.transfer(&batch) }
        #expect(error?.cause == .noCard)
        #expect(error?.completed == 0)
        bar.accessesUntilGone = nil
        #expect(try bus.readWord(ModelCard.scratch) == 5)
    }

    @Test("a status of all ones from a card that is there is believed")
    func allErrors() throws {
        let bar = ModelBAR(ModelCard())
        let bus = WindowRegisterBus(ModelWindow(bar: bar), name: "window")
        try bus.writeWord(ModelCard.scratch, 5)
        bar.status = 0xffff_ffff
        let error = #expect(throws: BusError.self) { try bus.writeWord(ModelCard.scratch, 6) }
        guard case .refused(let status, let meaning) = error?.cause else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(status == 0xf)
        #expect(meaning.prefix(4).count == 4)
    }

    @Test("the address that BM keeps names the access")
    func named() throws {
        let bus = WindowRegisterBus(ModelWindow(bar: ModelBAR(ModelCard())), name: "window")
        var batch: [RegisterAccess] = [
            .write(ModelCard.scratch, 1), .write(ModelCard.readOnly, 2), .write(ModelCard.memory, 3),
        ]
        let error = #expect(throws: BusError.self) { try bus.transfer(&batch) }
        #expect(error?.access == .write(ModelCard.readOnly, 2))
        #expect(error?.completed == 0, "the write before it might have been refused as well")
    }

    @Test("a card that keeps no addresses is asked once, and what that gives is not the next batch's fault")
    func noAddresses() throws {
        let bar = ModelBAR(ModelCard())
        bar.keepsAddresses = false
        let bus = WindowRegisterBus(ModelWindow(bar: bar), name: "window")
        let error = #expect(throws: BusError.self) { try bus.writeWord(ModelCard.readOnly, 2) }
        #expect(error?.access == .write(ModelCard.readOnly, 2))
        #expect(try bus.readWord(ModelCard.scratch) == 0)
    }

    @Test("counts in MMI_STATUS are no errors, and reading it in a batch takes none away")
    func status() throws {
        let bar = ModelBAR(ModelCard())
        let bus = WindowRegisterBus(ModelWindow(bar: bar), name: "window")
        try bus.writeWord(ModelCard.scratch, 5)
        bar.status = 0xffff_fff0
        #expect(try bus.readWord(ModelCard.scratch) == 5)
        var batch: [RegisterAccess] = [.write(ModelCard.readOnly, 2), .read(BusRegisters.busStatus)]
        #expect(throws: BusError.self) { try bus.transfer(&batch) }
        #expect(try bus.readWord(ModelCard.scratch) == 5)
    }
}

@Suite("Looking for cards")
struct CardDiscoveryTests {
    @Test("functions with a card's identity and SPI devices are candidates, with the driver that holds them")
    func candidates() throws {
        let tree = try FakeSysfs()
        for (name, vendor, device) in [("0000:00:1f.0", "0x8086", "0x5ae8"), ("0000:02:00.0", "0x10ee", "0x0000")] {
            try tree.folder.write("bus/pci/devices/\(name)/vendor", vendor)
            try tree.folder.write("bus/pci/devices/\(name)/device", device)
        }
        try tree.folder.write("bus/pci/devices/0000:03:00.0/vendor", "garbage")
        try tree.folder.write("dev/spidev0.1", "")
        try tree.folder.write("dev/null", "")
        try tree.folder.write("bus/spi/devices/spi0.1/modalias", "")
        symlink("../../drivers/spidev", "\(tree.folder.path)/bus/spi/devices/spi0.1/driver")
        let found = CardCandidate.all(sysfs: tree.folder.path, devices: "\(tree.folder.path)/dev")
        let spi = "\(tree.folder.path)/dev/spidev0.1"
        #expect(
            found == [
                CardCandidate(.pcie(function: "0000:01:00.0", identity: PCIIdentity(0xaaaa, 0x7024))),
                CardCandidate(.pcie(function: "0000:02:00.0", identity: PCIIdentity(0x10ee, 0))),
                CardCandidate(.spi(path: spi), driver: "spidev"),
            ])
        #expect(
            found.map(\.description) == [
                "PCIe 0000:01:00.0 (aaaa:7024)", "PCIe 0000:02:00.0 (10ee:0000)", "SPI \(spi), driver spidev",
            ])
    }

    @Test("a machine without buses has no candidates")
    func none() throws {
        let folder = try TemporaryFolder()
        #expect(CardCandidate.all(sysfs: folder.path, devices: folder.path) == [])
    }
}
