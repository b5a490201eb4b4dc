// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters

/// What stands at each address, built from the generated descriptions: plain words with their access modes, and which
/// addresses have a behaviour of their own. A page is the 256 bytes of one base.
struct RegisterFile: Sendable {
    struct Cell: BitwiseCopyable, Sendable {
        var value: UInt32 = 0
        var reset: UInt32 = 0
        var exists = false
        var canRead = false
        var canWrite = false
        var clearsOnRead = false
        /// Index of its behaviour; -1: a plain word.
        var behaviour: Int16 = -1
    }

    static let cellsPerPage = 64
    /// 16-bit bases.
    private static let pageCount = 1 << 16
    private static let noPage: Int32 = -1

    private var pages = Array(repeating: noPage, count: pageCount)
    private(set) var cells: [Cell] = []
    private var behaviours: [Behaviour] = []

    init(_ descriptions: [RegisterDescription]) {
        for description in descriptions {
            for index in 0..<description.count {
                let place = addPage(of: description.address + index * description.stride)
                cells[place].exists = true
                cells[place].canRead = description.mode.canRead
                cells[place].canWrite = description.mode.canWrite
                cells[place].clearsOnRead = description.mode.isClearedByReading
                cells[place].reset = description.reset ?? 0
                cells[place].value = description.reset ?? 0
            }
        }
    }

    private mutating func addPage(of address: RegisterAddress) -> Int {
        let base = Int(address.rawValue >> 8)
        if pages[base] == Self.noPage {
            pages[base] = Int32(cells.count)
            cells += Array(repeating: Cell(), count: Self.cellsPerPage)
        }
        return Int(pages[base]) + Int(address.rawValue >> 2 & 63)
    }

    /// A block answers at this base, whatever registers it has there.
    func hasPage(_ address: RegisterAddress) -> Bool { pages[Int(address.rawValue >> 8)] != Self.noPage }

    /// Index of the register at an address; nil: there is none.
    @inline(__always)
    func place(_ address: RegisterAddress) -> Int? {
        let page = pages[Int(address.rawValue >> 8)]
        guard page != Self.noPage else { return nil }
        let place = Int(page) + Int(address.rawValue >> 2 & 63)
        return cells[place].exists ? place : nil
    }

    func behaviour(_ place: Int) -> Behaviour? {
        let index = cells[place].behaviour
        return index < 0 ? nil : behaviours[Int(index)]
    }

    mutating func setBehaviour(_ address: RegisterAddress, _ behaviour: Behaviour) {
        guard let place = place(address) else { return }
        cells[place].behaviour = Int16(behaviours.count)
        behaviours.append(behaviour)
    }

    mutating func setReset(_ address: RegisterAddress, _ value: UInt32) {
        guard let place = place(address) else { return }
        cells[place].reset = value
        cells[place].value = value
    }

    subscript(address: RegisterAddress) -> UInt32 {
        get { place(address).map { cells[$0].value } ?? 0 }
        set { if let place = place(address) { cells[place].value = newValue } }
    }

    subscript(place place: Int) -> UInt32 {
        get { cells[place].value }
        set { cells[place].value = newValue }
    }

    /// Sets bits that stay until read, or until software clears them.
    mutating func latch(_ address: RegisterAddress?, _ bits: UInt32) {
        if let address { self[address] |= bits }
    }

    mutating func reset(where isReset: (RegisterAddress) -> Bool = { _ in true }) {
        for base in pages.indices where pages[base] != Self.noPage {
            guard isReset(RegisterAddress(rawValue: UInt32(base) << 8)) else { continue }
            for place in Int(pages[base])..<Int(pages[base]) + Self.cellsPerPage {
                cells[place].value = cells[place].reset
            }
        }
    }
}
