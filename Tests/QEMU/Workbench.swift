// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters

// What the guest and the card's process agree on, beside what the registers of a card are.

/// BAR2 of the card's function, which no TrustNode has: the place of somebody who stands beside the card, makes it
/// misbehave and puts frames into its ports. An order is carried out before the write that gives it is over.
enum Workbench {
    static let bar = 2
    static let size = 4096

    /// What an order is about.
    static let argument = RegisterAddress(rawValue: 0x00)
    static let order = RegisterAddress(rawValue: 0x04)
    /// What came of the last order.
    static let answer = RegisterAddress(rawValue: 0x08)
    /// Each word written here is one more of what the next `frame` or `compare` is about.
    static let word = RegisterAddress(rawValue: 0x0c)
    /// Writes to BAR1 so far.
    static let writes = RegisterAddress(rawValue: 0x10)

    enum Order: UInt32 {
        /// The words are a frame, of `argument >> 8` bytes, that comes into port `argument & 15`. Answer: where it left
        /// the card, a bit for each port, 16 + x for the processor's interface x; all ones if it left changed.
        case frame = 1
        /// The register at `argument` does not answer.
        case hang = 2
        /// After so many accesses to BAR1 one is lost without a sign.
        case lose = 3
        /// After so many accesses to BAR1 the link is down: every bit of both is read as one, but on the workbench.
        case unplug = 4
        /// Ends what the three before have begun.
        case repair = 5
        /// A power cycle; the function keeps its configuration.
        case powerCycle = 6
        /// Bits of FPGA_ALARM are latched.
        case alarm = 7
        /// The words are the rules that should stand in the card (`Claim`). The process says itself whether they do,
        /// and no others. Answer: how much was different.
        case compare = 8
    }

    /// A rule, as words: table, index, hash slot, action and the action's word, how many words the rule has, and those.
    enum Claim {
        static let exact: UInt32 = 0
        static let collision: UInt32 = 1
        static let masked: UInt32 = 2
        static let head = 6
    }
}

/// A BAR that is memory: nobody is told of a write, and a register cannot change as it is read. Another simulated card
/// is behind this one; words are carried to it when the guest gives an order.
enum SharedMemory {
    static let size = Int(RegisterAddress.limit)
    /// A new number, written after everything it is about.
    static let order = RegisterAddress(rawValue: 0xf0_0000)
    /// The number of the last order that was carried out.
    static let done = RegisterAddress(rawValue: 0xf0_0004)
    /// A sum over the words of these rules, as the card then has them.
    static let answer = RegisterAddress(rawValue: 0xf0_0008)
    static let rules = 1...57

    /// Another sum if two words change places.
    static func add(_ sum: UInt32, _ word: UInt32) -> UInt32 { (sum << 5 | sum >> 27) ^ word &* 0x9e37_79b1 }
}
