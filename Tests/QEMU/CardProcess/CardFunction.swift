// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters
import FlowEngineSimulator

/// A TrustNode as a PCI function: the configuration space, the simulated card's registers behind BAR1, and the
/// workbench behind BAR2.
final class CardFunction {
    private let card: SimulatedCard
    private let bench: CardBench
    private var space = [UInt8](repeating: 0, count: 256)
    /// Bits that writes change; in a BAR those that tell its size.
    private var writable = [UInt8](repeating: 0, count: 256)

    /// Offsets in a header of type 0 (PCI Local Bus Specification 3.0, section 6.1).
    private enum Header {
        static let command = 0x04
        static let memoryEnabled: UInt8 = 2
        static let busMaster: UInt8 = 4
        static let firstBAR = 0x10
        static let interruptLine = 0x3c
    }

    init() throws {
        var variants = CardVariants(profile: .trustNode)
        // Readings under which the driver may offload what the guest offloads; see the guest's traits.
        variants.malformed = .noMatch
        variants.invalidSource = .noMatch
        variants.reservedMulticast = .toProcessor
        variants.fragmentPorts = .absent
        variants.droppedFrames = .counted
        card = try SimulatedCard(CardConfiguration(profile: .trustNode, variants: variants))
        bench = CardBench(card)
        // aaaa:7024, a network controller of no known kind.
        space.replaceSubrange(0..<4, with: [0xaa, 0xaa, 0x24, 0x70])
        space[0x0b] = 2
        space[0x0a] = 0x80
        writable[Header.command] = Header.memoryEnabled | Header.busMaster
        writable[Header.interruptLine] = 0xff
        setSize(1 << 24, bar: 1)
        setSize(Workbench.size, bar: Workbench.bar)
    }

    private func setSize(_ size: Int, bar: Int) {
        for byte in 0..<4 {
            writable[Header.firstBAR + bar * 4 + byte] = UInt8(truncatingIfNeeded: ~(size - 1) >> (byte * 8))
        }
    }

    // MARK: Configuration space

    func readConfiguration(_ offset: Int, _ count: Int) -> UInt32 {
        guard !bench.isUnplugged, (1...4).contains(count), offset >= 0, offset + count <= space.count else { return ~0 }
        return word(offset, count)
    }

    func writeConfiguration(_ offset: Int, _ count: Int, _ value: UInt32) {
        guard !bench.isUnplugged, (1...4).contains(count), offset >= 0, offset + count <= space.count else { return }
        for byte in 0..<count {
            let mask = writable[offset + byte]
            let new = UInt8(truncatingIfNeeded: value >> UInt32(byte * 8))
            space[offset + byte] = space[offset + byte] & ~mask | new & mask
        }
    }

    func resetConfiguration() {
        for index in space.indices { space[index] &= ~writable[index] }
    }

    private func word(_ offset: Int, _ count: Int) -> UInt32 {
        (0..<count).reduce(0) { $0 | UInt32(space[offset + $1]) << UInt32($1 * 8) }
    }

    // MARK: Accesses to BARs

    private enum Target { case card, bench }

    /// What is at an address of the guest; nil if that is no word of a BAR of ours.
    private func target(_ address: UInt64, _ bytes: Int) -> (Target, RegisterAddress)? {
        for (bar, size, target) in [(1, 1 << 24, Target.card), (Workbench.bar, Workbench.size, .bench)] {
            let base = UInt64(word(Header.firstBAR + bar * 4, 4))
            guard address >= base, address < base + UInt64(size) else { continue }
            let register = RegisterAddress(rawValue: UInt32(address - base))
            if bytes == 4, register.isValid { return (target, register) }
        }
        bench.strays += 1
        return nil
    }

    func load(_ address: UInt64, _ bytes: Int) -> UInt32 {
        switch target(address, bytes) {
        case (.card, let register)?:
            bench.reads += 1
            return card.load(register)
        case (.bench, let register)?: return bench.load(register)
        case nil: return BusError.absentPattern
        }
    }

    func store(_ address: UInt64, _ bytes: Int, _ value: UInt32) {
        switch target(address, bytes) {
        case (.card, let register)?:
            bench.writes += 1
            card.store(register, value)
        case (.bench, let register)?: bench.store(register, value)
        case nil: break
        }
    }
}
