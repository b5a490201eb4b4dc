// SPDX-License-Identifier: Apache-2.0
import BPF
import CFastPath
import CLinux

// Programs that run before the tables. Slot 0 is first; each ends by a tail call to the next slot of the program array `chain`,
// the last one to slot `FP_CHAIN_SLOTS - 1`, where the fast path waits (`xdp_resume`).
extension XDPDataPlane {
    /// Slots for programs of others: 0 ..< this.
    public static var chainCapacity: Int { Int(FP_CHAIN_SLOTS) - 1 }

    /// The program array, for programs that tail-call through it (`OpenObject.reuse(_:asMap:)`).
    public func chainMap() throws(BPFError) -> BPFMap { try fastPath.map("chain") }

    /// Puts a program into a slot. With slot 0 taken, packets go through the chain from the next one on.
    public func chain(_ program: borrowing Program, at slot: Int) throws(BPFError) {
        try requireSlot(slot)
        let chain = try chainMap()
        try chain.setProgram(program, at: UInt32(slot))
        if slot == 0 { setChain(active: true) }
    }

    /// Empties a slot. A tail call into an empty slot falls through: the program before it decides the packet.
    public func unchain(at slot: Int) throws(BPFError) {
        try requireSlot(slot)
        if slot == 0 { setChain(active: false) }
        try chainMap().clearProgram(at: UInt32(slot))
    }

    private func setChain(active: Bool) {
        isChained = active
        let flags = fastPath.settings.pointee.flags
        let flag = UInt32(FP_SETTING_CHAIN)
        memory_store_release32(&fastPath.settings.pointee.flags, active ? flags | flag : flags & ~flag)
    }

    private func requireSlot(_ slot: Int) throws(BPFError) {
        guard (0..<Self.chainCapacity).contains(slot) else {
            throw .badArgument(
                subject: "chain slot", found: "\(slot)",
                expected: "0 to \(Self.chainCapacity - 1); the last is the fast path's")
        }
    }
}
