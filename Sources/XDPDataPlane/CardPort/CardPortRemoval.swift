// SPDX-License-Identifier: Apache-2.0
import BPF
import CFastPath
import Glibc
import Netlink

// What goes: ports that the configuration does not name any more, other sets of programs, and in the end everything.
extension CardPortAssembly {
    /// - Parameter inner: inner ends of ports that there are no more.
    func removeStale(_ inner: [UInt32]) {
        guard let sets = CardPortPrograms.sets(configuration) else { return }
        let pinned = Set(sets.links().map(\.interfaceIndex))
        for index in inner where pinned.contains(index) {
            // By its link, which is pinned where only ours are, the pair is known to be ours.
            guard let path = pin(index), let link = try? XDPLink(pinned: path), link.interfaceIndex == index,
                let found = try? netlink.link(index: Int32(bitPattern: index)), found.kind == "veth"
            else { continue }
            try? netlink.deleteLink(found.index)
        }
        for index in pinned where links[index] == nil {
            if let path = pin(index) { try? BPFFileSystem.unpin(path) }
        }
        for number in sets.numbers where number != programs.set { sets.drop(number) }
        sets.removeLeftovers()
    }

    /// Removes everything. Goes on where something fails, and then throws the first error.
    func release() throws(CardPortError) {
        var failure: CardPortError?
        // First what hands frames to the ports, so that none is lost on the way down that was not lost anyway.
        drop(cpuIndex)
        for end in ends {
            do throws(NetlinkError) { try netlink.deleteLink(end.outer) } catch {
                // Somebody was faster: that is what was wanted.
                if error.errorNumber != ErrorNumber(ENODEV) { failure = failure ?? .netlink(error) }
            }
            drop(UInt32(bitPattern: end.inner))
        }
        do throws(BPFError) {
            if let settings = try programs.settings.lookup(0) { restoreCPUPort(settings) }
        } catch { failure = failure ?? .kernel(error) }
        if let sets = CardPortPrograms.sets(configuration) {
            for number in sets.numbers { sets.drop(number) }
            BPFFileSystem.removeIfEmpty(sets.directory)
        }
        if let failure { throw failure }
    }
}
