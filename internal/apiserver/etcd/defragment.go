package etcd

import (
	"time"

	"k8s.io/klog/v2"
)

// minReclaimed 是值得为之重写文件的最少字节数：再少，磁盘上看不出来，启动却慢了。
const minReclaimed = 64 << 20

// defragment 在还没有人连上来时重写多半空着的数据库文件：etcd 压缩旧版本后空出的页只会再用，不会还给磁盘。
// 做不成只是没有省下空间，数据都在，所以照样启动。
func (s *Server) defragment() {
	backend := s.etcd.Server.Backend()
	size, inUse := backend.Size(), backend.SizeInUse()
	if !worthDefragmenting(size, inUse) {
		return
	}
	klog.InfoS("Defragmenting the database of the embedded etcd", "bytes", size, "bytesInUse", inUse)
	began := time.Now()
	if err := s.etcd.Server.Defragment(); err != nil {
		klog.ErrorS(err, "The database of the embedded etcd cannot be defragmented and stays as large as it is; the disk needs room for what is in use once more",
			"dir", s.etcd.Config().Dir, "bytesInUse", inUse)
		return
	}
	klog.InfoS("Defragmented the database of the embedded etcd", "bytes", backend.Size(), "took", time.Since(began))
}

// worthDefragmenting 要求至少一半是空的：要抄的是在用的那一半，抄得少、还得多，启动才不会白等。
func worthDefragmenting(size, inUse int64) bool {
	free := size - inUse
	return free >= minReclaimed && free >= inUse
}
