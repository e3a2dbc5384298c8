//! What kind of file system a folder lies on, and room that is kept on it.

use std::fs::File;
use std::io;
use std::path::Path;

/// The name of the network file system that the folder lies on, if it is one. Where the system does not tell, it
/// counts as local.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn network(folder: &Path) -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    // Width and sign of the field differ between machines; its low 32 bits are the magic number everywhere.
    let magic = rustix::fs::statfs(folder).ok()?.f_type as u32;
    if magic != FUSE {
        return by_magic(magic).map(str::to_owned);
    }
    let device = std::fs::metadata(folder).ok()?.dev();
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
    fuse_kind(&mounts, &format!("{major}:{minor}")).filter(|kind| is_remote(kind))
}

/// Other systems do not tell by number.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn network(_: &Path) -> Option<String> {
    None
}

/// `f_type` of everything that is mounted through FUSE, local or not.
#[cfg(any(target_os = "linux", target_os = "android"))]
const FUSE: u32 = 0x6573_5546;

/// Network file systems by their number in `statfs(2)` and in the kernel's sources.
fn by_magic(magic: u32) -> Option<&'static str> {
    Some(match magic {
        0x6969 => "nfs",
        0x517b => "smb",
        0xff53_4d42 => "cifs",
        0xfe53_4d42 => "smb2",
        0x5346_414f | 0x6b41_4653 => "afs",
        0x7375_7245 => "coda",
        0x564c => "ncp",
        0x00c3_6400 => "ceph",
        0x0102_1997 => "9p",
        0x0bd0_0bd0 => "lustre",
        0x4750_4653 => "gpfs",
        0x1983_0326 => "beegfs",
        0x0116_1970 => "gfs2",
        0x7461_636f => "ocfs2",
        0x0013_661e => "pvfs2",
        _ => return None,
    })
}

/// The kind of the mount with this device number in the text of `/proc/self/mountinfo`, such as `fuse.sshfs`.
fn fuse_kind(mounts: &str, device: &str) -> Option<String> {
    mounts.lines().rev().find_map(|line| {
        let (mount, kind) = line.split_once(" - ")?;
        (mount.split(' ').nth(2)? == device).then(|| kind.split(' ').next().unwrap_or_default().to_owned())
    })
}

/// FUSE file systems whose files are on another machine. Others, such as an overlay or an encrypted folder, are local.
fn is_remote(kind: &str) -> bool {
    const REMOTE: [&str; 14] = [
        "sshfs",
        "s3fs",
        "rclone",
        "glusterfs",
        "ceph",
        "ceph-fuse",
        "davfs",
        "davfs2",
        "gcsfuse",
        "curlftpfs",
        "goofys",
        "juicefs",
        "smbnetfs",
        "nfs",
    ];
    kind.strip_prefix("fuse.").is_some_and(|name| REMOTE.contains(&name))
}

/// Keeps so many bytes for the file from this offset on without changing its length. Fails where they are not there;
/// returns `false` where the file system cannot keep room, and a full disk then shows at the write.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn reserve(file: &File, from: u64, bytes: u64) -> io::Result<bool> {
    use rustix::fs::FallocateFlags;
    use rustix::io::Errno;
    match rustix::io::retry_on_intr(|| rustix::fs::fallocate(file, FallocateFlags::KEEP_SIZE, from, bytes)) {
        Ok(()) => Ok(true),
        Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Other systems have no such call that leaves the length alone.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn reserve(_: &File, _: u64, _: u64) -> io::Result<bool> {
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
22 1 259:1 / / rw,relatime shared:1 - ext4 /dev/root rw\n\
40 22 0:51 / /home/u/far rw,nosuid shared:9 master:1 - fuse.sshfs far:/srv rw,user_id=0\n\
41 22 0:52 / /home/u/vault rw - fuse.gocryptfs /home/u/.vault rw\n\
42 22 0:53 / /mnt rw - fuse.rclone remote: rw\n\
broken line\n";

    #[test]
    fn network_file_systems_are_known_and_local_ones_are_let_in() {
        for (magic, name) in [
            (0x6969, "nfs"),
            (0x517b, "smb"),
            (0xff53_4d42, "cifs"),
            (0xfe53_4d42, "smb2"),
            (0x5346_414f, "afs"),
            (0x6b41_4653, "afs"),
            (0x7375_7245, "coda"),
            (0x564c, "ncp"),
            (0x00c3_6400, "ceph"),
            (0x0102_1997, "9p"),
            (0x0bd0_0bd0, "lustre"),
            (0x4750_4653, "gpfs"),
            (0x1983_0326, "beegfs"),
            (0x0116_1970, "gfs2"),
            (0x7461_636f, "ocfs2"),
            (0x0013_661e, "pvfs2"),
        ] {
            assert_eq!(by_magic(magic), Some(name), "{magic:x}");
        }
        // ext4, xfs, btrfs, tmpfs, overlayfs, zfs, f2fs
        for local in [0xef53, 0x5846_5342, 0x9123_683e, 0x0102_1994, 0x794c_7630, 0x2fc1_2fc1, 0xf2f5_2010] {
            assert_eq!(by_magic(local), None, "{local:x}");
        }
    }

    #[test]
    fn a_fuse_mount_is_judged_by_its_kind() {
        let remote = |device: &str| fuse_kind(MOUNTS, device).is_some_and(|kind| is_remote(&kind));
        assert!(remote("0:51") && remote("0:53"));
        assert!(!remote("0:52"), "an encrypted folder is local");
        assert!(!remote("0:99"));
    }

    #[test]
    fn the_folder_of_temporary_files_is_local() {
        assert_eq!(network(&std::env::temp_dir()), None);
    }
}
