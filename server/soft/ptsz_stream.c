/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calls of streams, events, launches and graphs, for programs that were compiled for
 * per-thread default streams.
 */
#include "soft.h"

CUresult cuStreamSynchronize_ptsz(CUstream hStream)
{
	return PER_THREAD(cuStreamSynchronize(hStream));
}

CUresult cuStreamQuery_ptsz(CUstream hStream)
{
	return PER_THREAD(cuStreamQuery(hStream));
}

CUresult cuStreamWaitEvent_ptsz(CUstream hStream, CUevent hEvent, unsigned int Flags)
{
	return PER_THREAD(cuStreamWaitEvent(hStream, hEvent, Flags));
}

CUresult cuStreamAddCallback_ptsz(
	CUstream hStream, CUstreamCallback callback, void *userData, unsigned int flags)
{
	return PER_THREAD(cuStreamAddCallback(hStream, callback, userData, flags));
}

CUresult cuLaunchHostFunc_ptsz(CUstream hStream, CUhostFn fn, void *userData)
{
	return PER_THREAD(cuLaunchHostFunc(hStream, fn, userData));
}

CUresult cuStreamGetFlags_ptsz(CUstream hStream, unsigned int *flags)
{
	return PER_THREAD(cuStreamGetFlags(hStream, flags));
}

CUresult cuStreamGetPriority_ptsz(CUstream hStream, int *priority)
{
	return PER_THREAD(cuStreamGetPriority(hStream, priority));
}

CUresult cuStreamGetCtx_ptsz(CUstream hStream, CUcontext *pctx)
{
	return PER_THREAD(cuStreamGetCtx(hStream, pctx));
}

CUresult cuStreamGetCtx_v2_ptsz(CUstream hStream, CUcontext *pCtx, CUgreenCtx *pGreenCtx)
{
	return PER_THREAD(cuStreamGetCtx_v2(hStream, pCtx, pGreenCtx));
}

CUresult cuStreamGetDevice_ptsz(CUstream hStream, CUdevice *device)
{
	return PER_THREAD(cuStreamGetDevice(hStream, device));
}

CUresult cuStreamGetId_ptsz(CUstream hStream, unsigned long long *streamId)
{
	return PER_THREAD(cuStreamGetId(hStream, streamId));
}

CUresult cuStreamCopyAttributes_ptsz(CUstream dstStream, CUstream srcStream)
{
	return PER_THREAD(cuStreamCopyAttributes(dstStream, srcStream));
}

CUresult cuStreamGetAttribute_ptsz(CUstream hStream, CUstreamAttrID attr, CUstreamAttrValue *value)
{
	return PER_THREAD(cuStreamGetAttribute(hStream, attr, value));
}

CUresult cuStreamSetAttribute_ptsz(
	CUstream hStream, CUstreamAttrID attr, const CUstreamAttrValue *param)
{
	return PER_THREAD(cuStreamSetAttribute(hStream, attr, param));
}

CUresult cuStreamAttachMemAsync_ptsz(
	CUstream hStream, CUdeviceptr dptr, size_t length, unsigned int flags)
{
	return PER_THREAD(cuStreamAttachMemAsync(hStream, dptr, length, flags));
}

CUresult cuStreamWaitValue32_ptsz(
	CUstream stream, CUdeviceptr addr, cuuint32_t value, unsigned int flags)
{
	return PER_THREAD(cuStreamWaitValue32(stream, addr, value, flags));
}

CUresult cuStreamWaitValue32_v2_ptsz(
	CUstream stream, CUdeviceptr addr, cuuint32_t value, unsigned int flags)
{
	return PER_THREAD(cuStreamWaitValue32_v2(stream, addr, value, flags));
}

CUresult cuStreamWaitValue64_ptsz(
	CUstream stream, CUdeviceptr addr, cuuint64_t value, unsigned int flags)
{
	return PER_THREAD(cuStreamWaitValue64(stream, addr, value, flags));
}

CUresult cuStreamWaitValue64_v2_ptsz(
	CUstream stream, CUdeviceptr addr, cuuint64_t value, unsigned int flags)
{
	return PER_THREAD(cuStreamWaitValue64_v2(stream, addr, value, flags));
}

CUresult cuStreamWriteValue32_ptsz(
	CUstream stream, CUdeviceptr addr, cuuint32_t value, unsigned int flags)
{
	return PER_THREAD(cuStreamWriteValue32(stream, addr, value, flags));
}

CUresult cuStreamWriteValue32_v2_ptsz(
	CUstream stream, CUdeviceptr addr, cuuint32_t value, unsigned int flags)
{
	return PER_THREAD(cuStreamWriteValue32_v2(stream, addr, value, flags));
}

CUresult cuStreamWriteValue64_ptsz(
	CUstream stream, CUdeviceptr addr, cuuint64_t value, unsigned int flags)
{
	return PER_THREAD(cuStreamWriteValue64(stream, addr, value, flags));
}

CUresult cuStreamWriteValue64_v2_ptsz(
	CUstream stream, CUdeviceptr addr, cuuint64_t value, unsigned int flags)
{
	return PER_THREAD(cuStreamWriteValue64_v2(stream, addr, value, flags));
}

CUresult cuStreamBatchMemOp_ptsz(CUstream stream, unsigned int count,
	CUstreamBatchMemOpParams *paramArray, unsigned int flags)
{
	return PER_THREAD(cuStreamBatchMemOp(stream, count, paramArray, flags));
}

CUresult cuStreamBatchMemOp_v2_ptsz(CUstream stream, unsigned int count,
	CUstreamBatchMemOpParams *paramArray, unsigned int flags)
{
	return PER_THREAD(cuStreamBatchMemOp_v2(stream, count, paramArray, flags));
}

CUresult cuStreamBeginCapture_ptsz(CUstream hStream)
{
	return PER_THREAD(cuStreamBeginCapture(hStream));
}

CUresult cuStreamBeginCapture_v2_ptsz(CUstream hStream, CUstreamCaptureMode mode)
{
	return PER_THREAD(cuStreamBeginCapture_v2(hStream, mode));
}

CUresult cuStreamBeginCaptureToGraph_ptsz(CUstream hStream, CUgraph hGraph,
	const CUgraphNode *dependencies, const CUgraphEdgeData *dependencyData,
	size_t numDependencies, CUstreamCaptureMode mode)
{
	return PER_THREAD(cuStreamBeginCaptureToGraph(
		hStream, hGraph, dependencies, dependencyData, numDependencies, mode));
}

CUresult cuStreamEndCapture_ptsz(CUstream hStream, CUgraph *phGraph)
{
	return PER_THREAD(cuStreamEndCapture(hStream, phGraph));
}

CUresult cuStreamIsCapturing_ptsz(CUstream hStream, CUstreamCaptureStatus *captureStatus)
{
	return PER_THREAD(cuStreamIsCapturing(hStream, captureStatus));
}

CUresult cuStreamGetCaptureInfo_ptsz(
	CUstream hStream, CUstreamCaptureStatus *captureStatus_out, cuuint64_t *id_out)
{
	return PER_THREAD(cuStreamGetCaptureInfo(hStream, captureStatus_out, id_out));
}

CUresult cuStreamGetCaptureInfo_v2_ptsz(CUstream hStream, CUstreamCaptureStatus *captureStatus_out,
	cuuint64_t *id_out, CUgraph *graph_out, const CUgraphNode **dependencies_out,
	size_t *numDependencies_out)
{
	return PER_THREAD(cuStreamGetCaptureInfo_v2(hStream, captureStatus_out, id_out, graph_out,
		dependencies_out, numDependencies_out));
}

CUresult cuStreamGetCaptureInfo_v3_ptsz(CUstream hStream, CUstreamCaptureStatus *captureStatus_out,
	cuuint64_t *id_out, CUgraph *graph_out, const CUgraphNode **dependencies_out,
	const CUgraphEdgeData **edgeData_out, size_t *numDependencies_out)
{
	return PER_THREAD(cuStreamGetCaptureInfo_v3(hStream, captureStatus_out, id_out, graph_out,
		dependencies_out, edgeData_out, numDependencies_out));
}

CUresult cuStreamUpdateCaptureDependencies_ptsz(
	CUstream hStream, CUgraphNode *dependencies, size_t numDependencies, unsigned int flags)
{
	return PER_THREAD(
		cuStreamUpdateCaptureDependencies(hStream, dependencies, numDependencies, flags));
}

CUresult cuStreamUpdateCaptureDependencies_v2_ptsz(CUstream hStream, CUgraphNode *dependencies,
	const CUgraphEdgeData *dependencyData, size_t numDependencies, unsigned int flags)
{
	return PER_THREAD(cuStreamUpdateCaptureDependencies_v2(
		hStream, dependencies, dependencyData, numDependencies, flags));
}

CUresult cuEventRecord_ptsz(CUevent hEvent, CUstream hStream)
{
	return PER_THREAD(cuEventRecord(hEvent, hStream));
}

CUresult cuEventRecordWithFlags_ptsz(CUevent hEvent, CUstream hStream, unsigned int flags)
{
	return PER_THREAD(cuEventRecordWithFlags(hEvent, hStream, flags));
}

CUresult cuLaunchKernel_ptsz(CUfunction f, unsigned int gridDimX, unsigned int gridDimY,
	unsigned int gridDimZ, unsigned int blockDimX, unsigned int blockDimY,
	unsigned int blockDimZ, unsigned int sharedMemBytes, CUstream hStream, void **kernelParams,
	void **extra)
{
	return PER_THREAD(cuLaunchKernel(f, gridDimX, gridDimY, gridDimZ, blockDimX, blockDimY,
		blockDimZ, sharedMemBytes, hStream, kernelParams, extra));
}

CUresult cuLaunchKernelEx_ptsz(
	const CUlaunchConfig *config, CUfunction f, void **kernelParams, void **extra)
{
	return PER_THREAD(cuLaunchKernelEx(config, f, kernelParams, extra));
}

CUresult cuLaunchCooperativeKernel_ptsz(CUfunction f, unsigned int gridDimX, unsigned int gridDimY,
	unsigned int gridDimZ, unsigned int blockDimX, unsigned int blockDimY,
	unsigned int blockDimZ, unsigned int sharedMemBytes, CUstream hStream, void **kernelParams)
{
	return PER_THREAD(cuLaunchCooperativeKernel(f, gridDimX, gridDimY, gridDimZ, blockDimX,
		blockDimY, blockDimZ, sharedMemBytes, hStream, kernelParams));
}

CUresult cuGraphInstantiateWithParams_ptsz(
	CUgraphExec *phGraphExec, CUgraph hGraph, CUDA_GRAPH_INSTANTIATE_PARAMS *instantiateParams)
{
	return PER_THREAD(cuGraphInstantiateWithParams(phGraphExec, hGraph, instantiateParams));
}

CUresult cuGraphUpload_ptsz(CUgraphExec hGraph, CUstream hStream)
{
	return PER_THREAD(cuGraphUpload(hGraph, hStream));
}

CUresult cuGraphLaunch_ptsz(CUgraphExec hGraph, CUstream hStream)
{
	return PER_THREAD(cuGraphLaunch(hGraph, hStream));
}
