// SPDX-License-Identifier: Apache-2.0
import CLinux
import FlowEngineRegisters
import FlowEngineSimulator
import Glibc

/// A simulated card behind memory: shows its registers there, and is given what the guest has written whenever the
/// guest rings. In the order of addresses, since memory does not tell of the order of writes.
final class SharedCard {
    private let card: SimulatedCard
    private let registers: SimulatedRegisterBus
    private let memory: UnsafeMutableRawPointer
    /// The memory as the card knows it.
    private let known: UnsafeMutableRawPointer
    private var done: UInt32 = 0

    private static let page = 4096

    init(_ path: String) throws {
        card = try SimulatedCard(CardConfiguration(profile: .trustNode))
        registers = SimulatedRegisterBus(card)
        let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0, ftruncate(file, off_t(SharedMemory.size)) == 0 else { throw Failure(path, errno) }
        defer { close(file) }
        guard let memory = mmap(nil, SharedMemory.size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0),
            memory != MAP_FAILED
        else { throw Failure("mmap(\(path))", errno) }
        self.memory = memory
        known = UnsafeMutableRawPointer.allocate(byteCount: SharedMemory.size, alignment: Self.page)
        show()
        known.copyMemory(from: memory, byteCount: SharedMemory.size)
    }

    private func show() {
        guard let map = FlowEngineMap.revision(card.configuration.mapRevision) else { return }
        for register in map.registers where register.mode.canRead {
            for index in 0..<register.count {
                let address = register.address + index * register.stride
                if let value = try? registers.readWord(address) { store(address, value) }
            }
        }
        // What is not built has left traces of having been looked for; the next read finds none.
        store(map.bm.mmiStatus.address, 0)
    }

    /// Carries an order out, if there is a new one.
    func look() {
        let order = register_load32(memory + Int(SharedMemory.order.rawValue))
        if order == done { return }
        for page in stride(from: 0, to: Int(SharedMemory.order.rawValue), by: Self.page)
        where memcmp(memory + page, known + page, Self.page) != 0 {
            for offset in stride(from: page, to: page + Self.page, by: 4) { carry(offset) }
        }
        let rules = card.contents.rules.filter { SharedMemory.rules.contains($0.index) }
        store(SharedMemory.answer, rules.flatMap(\.words).reduce(0, SharedMemory.add))
        done = order
        store(SharedMemory.done, order)
    }

    private func carry(_ offset: Int) {
        let word = register_load32(memory + offset)
        if word == register_load32(known + offset) { return }
        register_store32(known + offset, word)
        // One that the card refuses is as without effect here as anywhere.
        try? registers.writeWord(RegisterAddress(rawValue: UInt32(offset)), word)
    }

    private func store(_ address: RegisterAddress, _ value: UInt32) {
        register_store32(memory + Int(address.rawValue), value)
    }
}
