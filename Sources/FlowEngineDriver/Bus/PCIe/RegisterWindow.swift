// SPDX-License-Identifier: Apache-2.0
import CLinux
import FlowEngineRegisters
import Glibc

/// Words of a card within the processor's reach.
///
/// Law: each call is one access of 32 bits, carried out in the order of the calls.
public protocol RegisterWindow: ~Copyable {
    /// Bytes; accesses are at multiples of 4 below it.
    var size: Int { get }
    func load(_ address: RegisterAddress) -> UInt32
    func store(_ address: RegisterAddress, _ value: UInt32)

    /// Accesses of one batch follow.
    func begin()
    /// Why accesses since `begin` did not reach the card, where that can be known otherwise than by what they read.
    var failure: String? { get }
}

extension RegisterWindow where Self: ~Copyable {
    public func begin() {}
    public var failure: String? { nil }
}

/// Owns the mapping of a PCIe BAR, or of a file that stands for one; unmapping is `deinit`.
public struct MappedWindow: ~Copyable, RegisterWindow {
    public let size: Int
    private let base: UnsafeMutableRawPointer
    /// Keeps the lock.
    private let file: FileDescriptor

    /// Maps the first `size` bytes, shared and not cached (`resourceN` of sysfs is mapped that way by the kernel).
    init(_ path: String, size: Int, bus: String) throws(BusError) {
        do {
            let file = try FileDescriptor(opening: path, O_RDWR | O_SYNC)
            try file.lock(path)
            var status = stat()
            guard fstat(file.number, &status) == 0 else { throw SystemFailure("fstat(\(path))") }
            guard Int(status.st_size) >= size else {
                throw BusError(
                    .configuration("\(path) has \(status.st_size) bytes; the BAR's \(size) cannot be mapped"), bus: bus)
            }
            guard let base = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, file.number, 0), base != MAP_FAILED
            else {
                throw SystemFailure("mmap(\(path), \(size) bytes)")
            }
            self.base = base
            self.size = size
            self.file = file
        } catch {
            throw BusError(error, bus: bus)
        }
    }

    deinit { munmap(base, size) }

    public func load(_ address: RegisterAddress) -> UInt32 { register_load32(base + Int(address.rawValue)) }

    public func store(_ address: RegisterAddress, _ value: UInt32) {
        register_store32(base + Int(address.rawValue), value)
    }
}
