// SPDX-License-Identifier: Apache-2.0
import FlowEngineDriver
import FlowEngineRegisters
import Glibc
import Guest

/// A guest with three PCI functions: QEMU's `edu`, whose registers answer to words only and change as they are written;
/// a TrustNode, which is the simulated card in a process on the host; and `ivshmem`, whose BAR2 is memory shared with
/// that process. It runs the driver itself, linked into the same program.
@main
struct PCIeGuest {
    static func main() {
        let known = PCIIdentity.trustNodes + [PCIIdentity(0x1234, 0x11e8), PCIIdentity(0x1af4, 0x1110)]
        let functions = CardCandidate.all(identities: known)
        check(functions.count == 3, "in sysfs: \(functions.map { "\($0)" }.joined(separator: "; "))")
        for candidate in functions {
            guard case .pcie(let function, let identity) = candidate.place else { continue }
            attempt {
                switch identity {
                case PCIIdentity(0x1234, 0x11e8): try edu(function)
                case PCIIdentity(0x1af4, 0x1110): try SharedMemoryTour(function).run()
                default: try CardTour(function).run()
                }
            }
        }
        guest_end()
    }

    /// QEMU's docs/specs/edu: identity at 0, and at 4 a register that gives the complement of what was written. Below
    /// 0x80 it takes words of 4 bytes and nothing else.
    private static func edu(_ function: String) throws {
        var configuration = PCIeConfiguration(function: function, accepted: [PCIIdentity(0x1234, 0x11e8)])
        (configuration.bar, configuration.minimumSize) = (0, 1 << 20)
        let window = Window(try MappedWindow(configuration))
        let identity = RegisterAddress(rawValue: 0)
        let complement = RegisterAddress(rawValue: 4)
        check(window.load(identity) & 0xff == 0xed, "\(configuration.name): identity 0x\(hex(window.load(identity)))")
        var right = 0
        var word: UInt32 = 1
        for _ in 0..<1000 {
            word = word &* 1_664_525 &+ 1_013_904_223
            window.store(complement, ~word)
            window.store(complement, word)
            if window.load(complement) == ~word { right += 1 }
        }
        check(right == 1000, "\(configuration.name): \(right) of 1000 words came back as their complement, in order")
    }
}

/// Batches over memory that another process sees: whole, and in order.
struct SharedMemoryTour {
    private let bus: PCIeRegisterBus
    /// A host that does not answer within as many reads is dead.
    private static let patience = 10_000_000

    init(_ function: String) throws {
        let strict = PCIeConfiguration(function: function)
        let refusal = error { () throws(BusError) in _ = try PCIeRegisterBus(strict) }
        check("\(text(refusal))".contains("the function is 1af4:1110, not one of"), text(refusal))
        var configuration = strict
        (configuration.accepted, configuration.bar) = ([PCIIdentity(0x1af4, 0x1110)], 2)
        bus = try PCIeRegisterBus(configuration)
    }

    func run() throws {
        let map = FlowEngineMap.revision7
        let revision = try bus.readWord(BusRegisters.mapRevision)
        check(revision & 0xffff == 7, "\(bus.name): map revision \(revision & 0xffff)")
        let rounds: UInt32 = 500
        var right = 0
        for round in 1...rounds {
            var batch: [RegisterAccess] = []
            var sum: UInt32 = 0
            for rule in SharedMemory.rules {
                for index in 0..<map.emhRule.words {
                    let word = round &* 0x9e37_79b9 ^ UInt32(rule * 16 + index) &* 0x85eb_ca6b
                    batch.append(.write(map.emhRule.address(rule, word: index), word))
                    sum = SharedMemory.add(sum, word)
                }
            }
            batch.append(.write(SharedMemory.order, round))
            try bus.transfer(&batch)
            var left = Self.patience
            while left > 0, try bus.readWord(SharedMemory.done) != round { left -= 1 }
            if try bus.readWord(SharedMemory.answer) == sum { right += 1 }
        }
        let words = SharedMemory.rules.count * map.emhRule.words
        check(
            right == rounds,
            "\(right) of \(rounds) batches of \(words) words, and one that rings, were whole in the card behind it"
        )
    }
}

/// A mapping to be handed around.
final class Window {
    private let window: MappedWindow
    init(_ window: consuming MappedWindow) { self.window = window }
    func load(_ address: RegisterAddress) -> UInt32 { window.load(address) }
    func store(_ address: RegisterAddress, _ value: UInt32) { window.store(address, value) }
}

// MARK: What is said

func check(_ passed: Bool, _ what: String) { print(passed ? "PASS" : "FAIL", what) }

func attempt(_ body: () throws -> Void) {
    do { try body() } catch { check(false, "\(error)") }
}

func error<Failure: Error>(_ body: () throws(Failure) -> Void) -> Failure? {
    do { try body() } catch { return error }
    return nil
}

func text(_ error: (some Error)?) -> String { error.map { "\($0)" } ?? "no error" }
func hex(_ word: UInt32) -> String { String(word, radix: 16) }
