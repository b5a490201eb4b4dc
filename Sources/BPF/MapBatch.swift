// SPDX-License-Identifier: Apache-2.0
import CBPF
import Glibc

// Batches cost a third to a half of single operations. HASH, LRU_HASH, ARRAY and LPM_TRIE have them; DEVMAP_HASH
// answers ENOTSUPP (524).
extension TypedMap {
    /// Writes entries in chunks. On failure the error says how many of the entries went in.
    public func updateBatch(
        keys: UnsafeBufferPointer<Key>, values: UnsafeBufferPointer<Value>, chunk: Int = 1024,
        _ condition: UpdateCondition = .any
    ) throws(BPFError) {
        try refusePerCPU("batch update")
        guard keys.count == values.count, chunk > 0 else {
            throw .badArgument(
                subject: "batch update of map \(name)", found: "\(keys.count) keys, \(values.count) values",
                expected: "as many keys as values, and a chunk of at least 1")
        }
        var options = bpf_map_batch_opts()
        options.sz = MemoryLayout<bpf_map_batch_opts>.size
        options.elem_flags = condition.rawValue
        guard let keyBase = keys.baseAddress, let valueBase = values.baseAddress else { return }
        var done = 0
        while done < keys.count {
            var count = UInt32(min(chunk, keys.count - done))
            let status = bpf_map_update_batch(map.fd, keyBase + done, valueBase + done, &count, &options)
            if status != 0 {
                throw batchFailure("bpf(BPF_MAP_UPDATE_BATCH)", status, done: done + processed(count, status, chunk))
            }
            done += Int(count)
        }
    }

    /// As the other, from arrays.
    public func updateBatch(_ keys: [Key], _ values: [Value], chunk: Int = 1024, _ condition: UpdateCondition = .any)
        throws(BPFError)
    {
        let outcome: Result<Void, BPFError> = keys.withUnsafeBufferPointer { keys in
            values.withUnsafeBufferPointer { values in
                Result { () throws(BPFError) in
                    try updateBatch(keys: keys, values: values, chunk: chunk, condition)
                }
            }
        }
        try outcome.get()
    }

    /// Removes entries in chunks; keys that are not there are skipped.
    /// - Returns: how many were removed.
    @discardableResult
    public func removeBatch(_ keys: [Key], chunk: Int = 1024) throws(BPFError) -> Int {
        var options = bpf_map_batch_opts()
        options.sz = MemoryLayout<bpf_map_batch_opts>.size
        var next = 0
        var removed = 0
        while next < keys.count {
            let wanted = min(chunk, keys.count - next)
            var count = UInt32(wanted)
            let status = keys.withUnsafeBufferPointer { buffer -> Int32 in
                guard let base = buffer.baseAddress else { return 0 }
                return bpf_map_delete_batch(map.fd, base + next, &count, &options)
            }
            removed += Int(count)
            next += Int(count)
            if status == -ENOENT {
                // The kernel stops at the first absent key; go on behind it.
                next += 1
            } else if status != 0 {
                throw batchFailure("bpf(BPF_MAP_DELETE_BATCH)", status, done: next)
            }
        }
        return removed
    }

    /// Hands every entry to `body` in chunks, without allocating per chunk.
    /// - Parameter chunk: entries a call; grows by itself if a bucket of the map holds more.
    public func lookupBatch(
        chunk: Int = 1024, _ body: (UnsafeBufferPointer<Key>, UnsafeBufferPointer<Value>) throws(BPFError) -> Void
    ) throws(BPFError) {
        try refusePerCPU("batch lookup")
        var capacity = max(chunk, 1)
        var keys = UnsafeMutablePointer<Key>.allocate(capacity: capacity)
        var values = UnsafeMutablePointer<Value>.allocate(capacity: capacity)
        // The position is 4 bytes for hashes and a key for tries.
        let positionSize = max(MemoryLayout<Key>.size, 8)
        let position = UnsafeMutableRawPointer.allocate(byteCount: positionSize * 2, alignment: 16)
        let nextPosition = position + positionSize
        defer {
            keys.deallocate()
            values.deallocate()
            position.deallocate()
        }
        var options = bpf_map_batch_opts()
        options.sz = MemoryLayout<bpf_map_batch_opts>.size
        var started = false
        while true {
            var count = UInt32(capacity)
            let status = bpf_map_lookup_batch(
                map.fd, started ? position : nil, nextPosition, keys, values, &count, &options)
            // A bucket with more entries than there is room for; none can have more than the map.
            if status == -ENOSPC && capacity < 2 * Int(info.maxEntries) {
                keys.deallocate()
                values.deallocate()
                capacity *= 2
                keys = .allocate(capacity: capacity)
                values = .allocate(capacity: capacity)
                continue
            }
            if status != 0 && status != -ENOENT { throw batchFailure("bpf(BPF_MAP_LOOKUP_BATCH)", status, done: 0) }
            if count > 0 {
                try body(
                    UnsafeBufferPointer(start: keys, count: Int(count)),
                    UnsafeBufferPointer(start: values, count: Int(count)))
            }
            if status == -ENOENT { return }
            memcpy(position, nextPosition, positionSize)
            started = true
        }
    }

    /// The kernel leaves the count alone when it refuses the whole call.
    private func processed(_ count: UInt32, _ status: Int32, _ chunk: Int) -> Int {
        status == -EFAULT || status == -524 || status == -EINVAL ? 0 : Int(count)
    }

    private func batchFailure(_ call: String, _ status: Int32, done: Int) -> BPFError {
        .failure(
            call, on: info.description, KernelErrno(rawValue: -status), detail: "\(done) entries were done before it")
    }
}

extension TypedMap where Key == UInt32 {
    /// Hands the values of consecutive elements of a per-CPU array to `body`, in order, with one system call for all.
    /// - Parameter body: gets the element's number and its value on each possible CPU; valid within the call only.
    public func forEachPerCPU(
        _ elements: Range<UInt32>, _ body: (UInt32, UnsafeBufferPointer<Value>) -> Void
    ) throws(BPFError) {
        guard info.type == .perCPUArray, elements.upperBound <= info.maxEntries, MemoryLayout<Value>.size % 8 == 0
        else {
            throw .badArgument(
                subject: "elements \(elements) of map \(name)", found: "\(info)",
                expected: "it takes a per-CPU array that has them, with values of a multiple of 8 bytes")
        }
        guard !elements.isEmpty else { return }
        let cpus = try BPFFeatures.possibleCPUs()
        let values = UnsafeMutablePointer<Value>.allocate(capacity: elements.count * cpus)
        let keys = UnsafeMutablePointer<UInt32>.allocate(capacity: elements.count)
        defer {
            values.deallocate()
            keys.deallocate()
        }
        var options = bpf_map_batch_opts()
        options.sz = MemoryLayout<bpf_map_batch_opts>.size
        // The call goes on behind the element it is told of.
        var position = elements.lowerBound &- 1
        var next: UInt32 = 0
        var done = 0
        while done < elements.count {
            var count = UInt32(elements.count - done)
            let isFirst = done == 0 && elements.lowerBound == 0
            let status = withUnsafeMutablePointer(to: &position) { position in
                bpf_map_lookup_batch(
                    map.fd, isFirst ? nil : position, &next, keys, values + done * cpus, &count, &options)
            }
            // ENOENT: these were the array's last.
            guard status == 0 || (status == -ENOENT && count > 0) else {
                throw batchFailure("bpf(BPF_MAP_LOOKUP_BATCH)", status, done: done)
            }
            done += Int(count)
            position = elements.lowerBound + UInt32(done) - 1
        }
        for (place, element) in elements.enumerated() {
            body(element, UnsafeBufferPointer(start: values + place * cpus, count: cpus))
        }
    }
}
