// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters
import Glibc
import Guest
import SharedCard

/// A guest with two PCI functions: QEMU's `edu`, whose registers answer to words only and change as they are written, and
/// `ivshmem`, whose BAR2 is memory shared with a process on the host that plays the card. It runs `MappedWindow` and
/// `PCIeRegisterBus` themselves, compiled into the same program.
@main
struct PCIeGuest {
    static func main() {
        let functions = list()
        check(functions.count > 1, "PCI functions in sysfs: \(functions.map { "\($0.name) \($0.identity)" })")
        for function in functions where function.identity == PCIIdentity(0x1234, 0x11e8) { edu(function.name) }
        for function in functions where function.identity == PCIIdentity(0x1af4, 0x1110) { shared(function.name) }
        guest_end()
    }

    private static func check(_ passed: Bool, _ what: String) { print(passed ? "PASS" : "FAIL", what) }

    private static func list() -> [(name: String, identity: PCIIdentity)] {
        let folder = "/sys/bus/pci/devices"
        return SystemFile.names(in: folder).compactMap { name in
            (try? PCIFunction(folder: "\(folder)/\(name)")).map { (name, $0.identity) }
        }
    }

    // MARK: edu

    /// QEMU's docs/specs/edu: identity at 0, and at 4 a register that gives the complement of what was written. Below 0x80
    /// it takes words of 4 bytes and nothing else.
    private static func edu(_ function: String) {
        do {
            var configuration = PCIeConfiguration(function: function, accepted: [PCIIdentity(0x1234, 0x11e8)])
            (configuration.bar, configuration.minimumSize) = (0, 1 << 20)
            let window = try MappedWindow(configuration)
            let identity = RegisterAddress(rawValue: 0)
            let complement = RegisterAddress(rawValue: 4)
            check(
                window.load(identity) & 0xff == 0xed, "\(configuration.name): identity 0x\(hex(window.load(identity)))")
            var right = 0
            var word: UInt32 = 1
            for _ in 0..<1000 {
                word = word &* 1_664_525 &+ 1_013_904_223
                window.store(complement, ~word)
                window.store(complement, word)
                if window.load(complement) == ~word { right += 1 }
            }
            check(
                right == 1000, "\(configuration.name): \(right) of 1000 words came back as their complement, in order")
        } catch {
            check(false, "\(error)")
        }
    }

    // MARK: ivshmem

    private static func shared(_ function: String) {
        let strict = PCIeConfiguration(function: function)
        do {
            _ = try PCIeRegisterBus(strict)
            check(false, "a function that is no card was taken for one")
        } catch {
            check("\(error)".contains("the function is 1af4:1110, not one of"), "\(error)")
        }
        do {
            var configuration = strict
            (configuration.accepted, configuration.bar) = ([PCIIdentity(0x1af4, 0x1110)], 2)
            let bus = try PCIeRegisterBus(configuration)
            let card = SharedCardOrders(bus)
            check(
                try bus.readWord(BusRegisters.mapRevision) == UInt32(CARD_REVISION),
                "\(bus.name): map revision \(CARD_REVISION)")
            try words(bus, card)
            try faults(bus, card)
            try bus.writeWord(SharedCardOrders.order, card.next(ORDER_END))
        } catch {
            check(false, "\(error)")
        }
    }

    /// Words written before an order are there when the card sees the order.
    private static func words(_ bus: PCIeRegisterBus, _ card: SharedCardOrders) throws(BusError) {
        let rounds: UInt32 = 500
        var right = 0
        for round in 0..<rounds {
            var batch: [RegisterAccess] = []
            var sum: UInt32 = 0
            for index in 0..<UInt32(CARD_WORD_COUNT) {
                let word = (round &+ 1) &* 0x9e37_79b9 ^ index &* 0x85eb_ca6b
                batch.append(.write(SharedCardOrders.words + Int(index) * 4, word))
                sum = order_add(sum, word)
            }
            let order = card.next(ORDER_SUM)
            batch.append(.write(SharedCardOrders.order, order))
            try bus.transfer(&batch)
            try card.wait(for: order)
            if try bus.readWord(SharedCardOrders.answer) == sum { right += 1 }
        }
        check(right == rounds, "\(right) of \(rounds) batches of 513 writes reached the card whole and in order")
    }

    private static func faults(_ bus: PCIeRegisterBus, _ card: SharedCardOrders) throws(BusError) {
        try card.give(ORDER_HANG)
        var batch = [RegisterAccess.read(BusRegisters.mapRevision), .read(BusRegisters.scratch)]
        let hung = error { () throws(BusError) in try bus.transfer(&batch) }
        check(
            hung?.cause == .timedOut && hung?.access?.address == BusRegisters.scratch && hung?.completed == 1,
            "a register that hangs: \(text(hung))")
        try card.give(ORDER_RECOVER)
        check(try bus.readWord(BusRegisters.scratch) == 0, "the card is well again")
        try bus.writeWord(BusRegisters.scratch, BusError.absentPattern)
        check(
            try bus.readWord(BusRegisters.scratch) == BusError.absentPattern,
            "a register that holds ones is read as that")
        try card.give(ORDER_VANISH)
        let gone = error { () throws(BusError) in _ = try bus.readWord(BusRegisters.scratch) }
        check(gone?.cause == .noCard, "a card that vanishes: \(text(gone))")
        try card.give(ORDER_RECOVER)
        check(try bus.readWord(BusRegisters.mapRevision) == UInt32(CARD_REVISION), "the card is back")
    }

    private static func error(_ body: () throws(BusError) -> Void) -> BusError? {
        do {
            try body()
        } catch {
            return error
        }
        return nil
    }

    private static func text(_ error: BusError?) -> String { error.map { "\($0)" } ?? "no error" }
    private static func hex(_ word: UInt32) -> String { String(word, radix: 16) }
}

/// Orders to the process on the host.
final class SharedCardOrders {
    static let words = RegisterAddress(rawValue: UInt32(CARD_WORDS))
    static let order = RegisterAddress(rawValue: UInt32(CARD_ORDER))
    static let done = RegisterAddress(rawValue: UInt32(CARD_DONE))
    static let answer = RegisterAddress(rawValue: UInt32(CARD_ANSWER))
    /// A host that does not answer within as many reads is dead.
    private static let patience = 100_000_000

    private let bus: PCIeRegisterBus
    private var number: UInt32 = 0

    init(_ bus: PCIeRegisterBus) { self.bus = bus }

    func next(_ kind: order) -> UInt32 {
        number += 1
        return order_word(number, kind)
    }

    /// Waits until the card has done it. While the card plays dead every batch is an error, but DONE, which it spares, is
    /// read all the same.
    func wait(for order: UInt32) throws(BusError) {
        for _ in 0..<Self.patience {
            var batch = [RegisterAccess.read(Self.done)]
            try? bus.transfer(&batch)
            if batch[0].value == order { return }
        }
        throw BusError(.timedOut, bus: bus.name, access: .read(Self.done))
    }

    func give(_ kind: order) throws(BusError) {
        let order = next(kind)
        var batch = [RegisterAccess.write(Self.order, order)]
        try? bus.transfer(&batch)
        try wait(for: order)
    }
}
