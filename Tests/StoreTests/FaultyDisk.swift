// SPDX-License-Identifier: Apache-2.0
import Foundation
import Store
import StoreFaults
import TestSupport

/// The disk under one directory: fails when told, and knows what of it would outlast a power failure.
final class FaultyDisk {
    private let watch: OpaquePointer
    /// Files as they were, durable, when this began.
    private let base: [String: [UInt8]]

    init(_ scratch: Scratch, base: [String: [UInt8]] = [:]) {
        store_faults_install()
        watch = store_watch_new(scratch.state + "/")
        self.base = base
    }

    deinit { store_watch_free(watch) }

    /// Operations so far.
    var count: Int64 { store_watch_count(watch) }

    /// The fault of an operation, counted from now on, and of all after it if it `lasts`.
    func fail(_ fault: store_fault, in operations: Int64, lasts: Bool = false) {
        store_watch_fault(watch, fault, count + operations, lasts)
    }

    func heal() { store_watch_fault(watch, STORE_FAULT_NONE, 0, false) }

    /// From now on it says that all is synchronised, and keeps what it likes.
    func lie() { store_watch_ignore_syncs(watch, true) }

    /// What of the unsynchronised is on the disk when the power is back.
    enum Loss: CaseIterable {
        /// All: the process died, and the system did not.
        case nothing
        case everything
        /// Writes came in order; the last one may be torn.
        case theEnd
        /// Each sector as after any write to it, whatever the others are.
        case any
    }

    /// The files as a disk could have kept them.
    func files(after loss: Loss, _ random: inout SeededGenerator) -> [String: [UInt8]] {
        let names = (0..<store_watch_files(watch)).map { String(cString: store_watch_file(watch, $0)) }
        var histories = names.map { FileHistory(durable: base[$0]) }
        for index in 0..<count {
            let operation = store_watch_operation(watch, index)
            histories[Int(operation.file)].add(operation)
            let kind = store_operation_kind(rawValue: UInt32(operation.kind))
            guard kind == STORE_OPERATION_SYNC || kind == STORE_OPERATION_DELETE, operation.length == 1 else {
                continue
            }
            for number in histories.indices { histories[number].makeNameDurable() }
        }
        var files = base
        for (name, history) in zip(names, histories) { files[name] = history.content(after: loss, &random) }
        return files
    }
}

/// What was done to one file since it was synchronised last.
private struct FileHistory {
    private static let sector = 512

    private enum Step {
        case write(offset: Int, [UInt8])
        case truncate(Int)
    }

    /// nil: there is no such file.
    private var durable: [UInt8]?
    /// Lives of the file: after the first, each begins with its being removed and made anew.
    private var lives: [[Step]] = [[]]
    /// Whether the last life has a file.
    private var exists: Bool

    init(durable: [UInt8]?) {
        self.durable = durable
        exists = durable != nil
    }

    mutating func add(_ operation: store_operation) {
        let last = lives.count - 1
        switch store_operation_kind(rawValue: UInt32(operation.kind)) {
        case STORE_OPERATION_WRITE:
            let bytes = Array(UnsafeBufferPointer(start: operation.bytes, count: Int(operation.length)))
            lives[last].append(.write(offset: Int(operation.offset), bytes))
            exists = true
        case STORE_OPERATION_TRUNCATE:
            if operation.length >= 0 { lives[last].append(.truncate(Int(operation.length))) }
        case STORE_OPERATION_SYNC:
            guard operation.length >= 0 else { return }
            durable = apply(lives[last], to: last == 0 ? durable ?? [] : [])
            lives = [[]]
            exists = true
        case STORE_OPERATION_DELETE:
            guard operation.length >= 0 else { return }
            lives.append([])
            exists = false
        default: break
        }
    }

    /// Whether there is a file of this name, and which, outlasts everything from now on; what is in it does not.
    mutating func makeNameDurable() {
        if lives.count > 1 {
            durable = nil
            lives.removeFirst(lives.count - 1)
        }
        if exists, durable == nil { durable = [] }
    }

    private func apply(_ steps: some Sequence<Step>, to bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        for step in steps { Self.apply(step, to: &bytes) }
        return bytes
    }

    private static func apply(_ step: Step, to bytes: inout [UInt8]) {
        switch step {
        case .write(let offset, let new):
            if bytes.count < offset + new.count {
                bytes += repeatElement(0, count: offset + new.count - bytes.count)
            }
            bytes.replaceSubrange(offset..<offset + new.count, with: new)
        case .truncate(let size):
            if size < bytes.count { bytes.removeLast(bytes.count - size) }
            bytes += repeatElement(0, count: size - bytes.count)
        }
    }

    func content(after loss: FaultyDisk.Loss, _ random: inout SeededGenerator) -> [UInt8]? {
        let last = lives.count - 1
        let life: Int
        switch loss {
        case .nothing: life = last
        case .everything: return durable
        case .theEnd, .any: life = Int.random(in: 0...last, using: &random)
        }
        let steps = lives[life]
        // Removed, and not made again; or made, and its name not yet in the directory.
        if life == last, !exists { return nil }
        if life > 0 || durable == nil, loss != .nothing, Bool.random(using: &random) { return nil }
        let start = life == 0 ? durable ?? [] : []
        switch loss {
        case .nothing: return apply(steps, to: start)
        case .everything: return start
        case .theEnd: return torn(steps, start, &random)
        case .any: return shuffled(steps, start, &random)
        }
    }

    private func torn(_ steps: [Step], _ start: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
        let count = Int.random(in: 0...steps.count, using: &random)
        var bytes = apply(steps.prefix(count), to: start)
        if count < steps.count, case .write(let offset, let new) = steps[count] {
            let sectors = Int.random(in: 0...new.count / Self.sector, using: &random)
            Self.apply(.write(offset: offset, Array(new.prefix(sectors * Self.sector))), to: &bytes)
        }
        return bytes
    }

    private func shuffled(_ steps: [Step], _ start: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
        var bytes = start
        var sizes = [start.count]
        var versions: [Int: [[UInt8]]] = [:]
        func sector(_ number: Int, of bytes: [UInt8]) -> [UInt8] {
            let begin = number * Self.sector
            guard begin < bytes.count else { return Array(repeating: 0, count: Self.sector) }
            let content = Array(bytes[begin..<min(begin + Self.sector, bytes.count)])
            return content + repeatElement(0, count: Self.sector - content.count)
        }
        for step in steps {
            if case .write(let offset, let new) = step, !new.isEmpty {
                let touched = offset / Self.sector...(offset + new.count - 1) / Self.sector
                for number in touched where versions[number] == nil { versions[number] = [sector(number, of: bytes)] }
                Self.apply(step, to: &bytes)
                for number in touched { versions[number]?.append(sector(number, of: bytes)) }
            } else {
                Self.apply(step, to: &bytes)
            }
            sizes.append(bytes.count)
        }
        let size = sizes[Int.random(in: 0..<sizes.count, using: &random)]
        var result = start
        Self.apply(.truncate(max(size, start.count)), to: &result)
        for (number, contents) in versions.sorted(by: { $0.key < $1.key }) {
            let content = contents[Int.random(in: 0..<contents.count, using: &random)]
            let begin = number * Self.sector
            guard begin < result.count else { continue }
            let end = min(begin + Self.sector, result.count)
            result.replaceSubrange(begin..<end, with: content.prefix(end - begin))
        }
        Self.apply(.truncate(size), to: &result)
        return result
    }
}
