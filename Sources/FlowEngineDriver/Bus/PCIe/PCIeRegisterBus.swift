// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters
import Glibc

/// The registers of a TrustNode, mapped from sysfs `resource1`.
public typealias PCIeRegisterBus = WindowRegisterBus<MappedWindow>

extension WindowRegisterBus where Window == MappedWindow {
    public convenience init(_ configuration: PCIeConfiguration) throws(BusError) {
        self.init(try MappedWindow(configuration), name: configuration.name)
    }
}

extension MappedWindow {
    /// Checks the function's identity, lets it answer to memory accesses, and maps its BAR, at most as much of it as there
    /// are registers.
    ///
    /// The mapping belongs to one process at a time (`flock(2)`), because registers that are cleared by reading must have
    /// one reader.
    public init(_ configuration: PCIeConfiguration) throws(BusError) {
        let name = configuration.name
        let function = try PCIFunction(configuration, bus: name)
        try function.check(configuration, bus: name)
        let size = try function.memorySize(bar: configuration.bar, atLeast: configuration.minimumSize, bus: name)
        try function.enable(bus: name)
        let path = "\(configuration.folder)/resource\(configuration.bar)"
        self = try MappedWindow(path, size: min(size, Int(RegisterAddress.limit)), bus: name)
    }
}

/// What sysfs tells of a PCI function (Documentation/PCI/sysfs-pci.rst of the kernel).
struct PCIFunction {
    let folder: String
    let identity: PCIIdentity

    init(_ configuration: PCIeConfiguration, bus: String) throws(BusError) {
        guard Self.isFunction(configuration.function) else {
            throw BusError(
                .configuration(
                    "\"\(configuration.function)\" is no PCI function; one is written domain:bus:device.function, such as 0000:01:00.0"
                ),
                bus: bus)
        }
        do {
            try self.init(folder: configuration.folder)
        } catch {
            guard error.number == ENOENT else { throw BusError(error.cause, bus: bus) }
            throw BusError(
                .configuration(
                    "there is no PCI function \(configuration.function) (\(error.call)); lspci -D lists them"),
                bus: bus)
        }
    }

    init(folder: String) throws(SystemFailure) {
        self.folder = folder
        identity = PCIIdentity(try Self.identifier("\(folder)/vendor"), try Self.identifier("\(folder)/device"))
    }

    private static func identifier(_ path: String) throws(SystemFailure) -> UInt16 {
        guard let number = SystemFile.number(try SystemFile.text(path)), let identifier = UInt16(exactly: number) else {
            throw SystemFailure("read(\(path))", EILSEQ)
        }
        return identifier
    }

    static func isFunction(_ text: String) -> Bool {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 3 else { return false }
        let last = parts[2].split(separator: ".", omittingEmptySubsequences: false)
        let isHex = { (part: Substring, count: Int) in part.utf8.count == count && part.allSatisfy(\.isHexDigit) }
        return isHex(parts[0], 4) && isHex(parts[1], 2) && last.count == 2 && isHex(last[0], 2) && isHex(last[1], 1)
    }

    func check(_ configuration: PCIeConfiguration, bus: String) throws(BusError) {
        guard configuration.accepted.contains(identity) else {
            let known = configuration.accepted.map(\.description).joined(separator: ", ")
            throw BusError(
                .configuration(
                    "the function is \(identity), not one of \(known); if it is a card nevertheless, name its identity in the configuration"
                ),
                bus: bus)
        }
    }

    /// `IORESOURCE_MEM` of the kernel's include/linux/ioport.h.
    private static let memoryFlag: UInt64 = 0x200

    /// Bytes of a BAR, which must be memory and large enough.
    func memorySize(bar: Int, atLeast minimum: Int, bus: String) throws(BusError) -> Int {
        let path = "\(folder)/resource"
        let text: String
        do {
            text = try SystemFile.text(path)
        } catch {
            throw BusError(error.cause, bus: bus)
        }
        let lines = text.split(separator: "\n")
        guard (0...5).contains(bar), bar < lines.count else {
            throw BusError(.configuration("\(path) has no line for BAR\(bar)"), bus: bus)
        }
        let words = lines[bar].split(separator: " ").map { SystemFile.number($0) }
        guard words.count == 3, let start = words[0], let end = words[1], let flags = words[2] else {
            throw BusError(
                .configuration("\(path): \"\(lines[bar])\" is not first and last address and flags"), bus: bus)
        }
        guard flags & Self.memoryFlag != 0, end > start else {
            throw BusError(
                .configuration("BAR\(bar) is not memory (\(path): \"\(lines[bar])\"); is the right bitstream loaded?"),
                bus: bus)
        }
        guard let size = Int(exactly: end - start).map({ $0 + 1 }), size >= minimum else {
            throw BusError(
                .configuration("BAR\(bar) has \(end - start + 1) bytes; a card's registers take at least \(minimum)"),
                bus: bus)
        }
        return size
    }

    /// Lets the function answer to memory accesses, and looks in its configuration space whether it does.
    func enable(bus: String) throws(BusError) {
        do {
            if try SystemFile.text("\(folder)/enable") == "0" { try SystemFile.write("\(folder)/enable", "1") }
            let header = try SystemFile.bytes("\(folder)/config", upTo: Header.length)
            guard header.count == Header.length else { throw SystemFailure("read(\(folder)/config)", EIO) }
            // The file `vendor` is the kernel's memory of it; this is the function itself.
            if header.allSatisfy({ $0 == 0xff }) { throw BusError(.noCard, bus: bus) }
            guard header[Header.command] & Header.memoryEnabled != 0 else {
                throw BusError(
                    .configuration(
                        "the function does not answer to memory accesses, although \(folder)/enable was written"),
                    bus: bus)
            }
        } catch {
            throw BusError(error, bus: bus)
        }
    }

    /// The front of the configuration space (PCI Local Bus Specification 3.0, section 6.1).
    private enum Header {
        static let length = 6
        static let command = 4
        static let memoryEnabled: UInt8 = 1 << 1
    }
}

extension BusError {
    /// An error of opening: one of ours, or a system call's.
    init(_ error: any Error, bus: String) {
        switch error {
        case let error as BusError: self = error
        case let failure as SystemFailure: self.init(failure.cause, bus: bus)
        default: self.init(.configuration("\(error)"), bus: bus)
        }
    }
}
